import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { EnvironmentOptions } from '../common/environment-options.ts';
import { oneEnvironmentOf } from '../common/environments.ts';
import { runProgram } from '../common/run-command.ts';
import type { Tool } from '../common/tool.ts';

export type ExecOptions = EnvironmentOptions;

// Else they would count more than the credentials, or be in their way.
const OTHER_WAYS = ['AWS_PROFILE', 'AWS_DEFAULT_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_SECURITY_TOKEN'];

/**
 * Runs a program with the credentials of the one account that the options choose.
 * @returns the exit code of the program
 * @throws {UserError} if it is not one account, or the program cannot be run
 */
export async function exec(words: readonly string[], options: ExecOptions, tool: Tool): Promise<number> {
  const [program = '', ...args] = words;
  const { aws, region } = await oneEnvironmentOf(options, await tool.loadConnect());
  const { accessKeyId, secretAccessKey, sessionToken } = await aws.credentials();
  aws.close();
  const others = Object.entries(tool.env).filter(([name]) => !OTHER_WAYS.includes(name));
  const env = {
    ...Object.fromEntries(others),
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    ...(sessionToken !== undefined && { AWS_SESSION_TOKEN: sessionToken }),
    AWS_REGION: region,
    // The AWS CLI 1 knows no other.
    AWS_DEFAULT_REGION: region,
  };
  let child: ChildProcess | undefined;
  const onStart = (started: ChildProcess) => (child = started);
  // Ctrl-C reaches the program by itself, which may go on. This process ends when it does.
  const code = await tool.interruptible(
    () => runProgram(program, args, { env, stdin: 'inherit', stdout: 'inherit', stderr: 'inherit', onStart }),
    () => undefined,
  );
  // As shells say that a signal ended it.
  return code ?? 128 + (child?.signalCode ? constants.signals[child.signalCode] : 0);
}
