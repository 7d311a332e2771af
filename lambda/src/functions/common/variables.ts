import * as z from 'zod/mini';

export type Variables = Readonly<Record<string, string | undefined>>;

export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

export function setting(pattern: RegExp, allowed: string) {
  return z.string(`is not set; set it to ${allowed}`).check(z.regex(pattern, `must be ${allowed}`));
}

/** A variable that holds text of some form. */
export function textOf<T>(read: (value: string) => T | undefined, allowed: string) {
  return z.pipe(
    z.string(),
    z.transform((value, { issues }): T | undefined => {
      const data = read(value);
      if (data === undefined) issues.push({ code: 'custom', input: value, message: `must be ${allowed}` });
      return data;
    }),
  );
}

export const overdueSeconds = setting(/^[1-9][0-9]{0,6}$/, 'a number of seconds, such as 86400');
export const topicArn = setting(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:\S+$/, 'the ARN of an SNS topic');

/** @throws {ConfigurationError} naming each variable that is wrong and what it may be */
export function parse<T>(schema: z.ZodMiniType<T>, variables: Variables): T {
  const parsed = schema.safeParse(variables);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  throw new ConfigurationError(problems.join('; '));
}
