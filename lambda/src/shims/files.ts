/**
 * Stands in the bundle for `node:fs` and `node:fs/promises`. By these the SDK reads the files of profiles, without which it goes on, and
 * sends files: a function has none. Node would load its streams of files for them.
 */
export function readFile(path: string): Promise<never> {
  return Promise.reject(new Error(`A function reads no files, so not ${path} either.`));
}

function sendNone(): never {
  throw new Error('A function sends no files.');
}

// The SDK asks whether a body is a ReadStream. Of this one none is ever made.
export { sendNone as createReadStream, sendNone as fstatSync, sendNone as lstatSync, sendNone as ReadStream };
