/**
 * A loader that loads once for each environment, and hands out what it has loaded where the environment is the same, as
 * Lambda does. Loading a function takes longer than all else that a test does with it.
 */
export function warm<T>(load: () => Promise<T>): () => Promise<T> {
  const loaded = new Map<string, Promise<T>>();
  return () => {
    const environment = JSON.stringify(process.env);
    const loading = loaded.get(environment) ?? load();
    loaded.set(environment, loading);
    return loading;
  };
}
