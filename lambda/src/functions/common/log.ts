import { spellOutHidden } from '../../core/hidden-characters.ts';

export type Level = 'INFO' | 'WARN' | 'ERROR';

/**
 * Writes one line of JSON. It goes past the console, to which Lambda's runtime adds words of its own.
 * @param fields what the line says beside the message; errors with their stack and their cause
 */
export function log(level: Level, message: string, fields: object): void {
  writeLine({ level, message, timestamp: new Date().toISOString(), service: serviceName(), ...fields });
}

/** Lambda Developer Guide, "Working with Lambda environment variables": the function's name. */
export function serviceName(): string {
  return process.env['AWS_LAMBDA_FUNCTION_NAME'] ?? 'image-copier';
}

export function writeLine(content: object): void {
  process.stdout.write(`${JSON.stringify(content, readable)}\n`);
}

/** Of an error what tells what went wrong: JSON would show none of it. AWS may repeat in one what a message's sender wrote. */
function readable(key: string, value: unknown): unknown {
  if (value instanceof Error) {
    const { name, message, stack, cause } = value;
    const { code, $metadata } = value as { code?: unknown; $metadata?: unknown };
    return { name, message, code, $metadata, stack, cause };
  }
  if (typeof value !== 'string') return value;
  return key === 'stack' ? value.replace(/[^\n]+/g, spellOutHidden) : spellOutHidden(value); // its lines stay lines
}
