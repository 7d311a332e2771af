import type { Command } from 'commander';
import { addEnvironmentOptions } from '../common/environment-options.ts';
import type { End, Tool } from '../common/tool.ts';
import type { ExecOptions } from './run.ts';

/** Adds `exec`: runs a program with the credentials of one account. */
export function addExec(program: Command, tool: Tool, end: End): void {
  addEnvironmentOptions(program.command('exec'))
    .description('run a program, such as the AWS CLI, with the credentials of one account, also of the source account')
    .usage('[options] -- <program> [args...]')
    .argument('<program>', 'the program, after --, so that its options are its own')
    .argument('[args...]', 'what it is given')
    .addHelpText('after', help(tool.program))
    .action(async (name: string, args: readonly string[], options: ExecOptions) => {
      const { exec } = await import('./run.ts');
      end(await exec([name, ...args], options, tool));
    });
}

const help = (copier: string) => `
It gets AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and AWS_DEFAULT_REGION, and no AWS_PROFILE.

Examples:
  ${copier} exec --accounts-file accounts.yaml --only payments -- aws sts get-caller-identity
  ${copier} exec --accounts-file accounts.yaml --only source --region eu-west-1 -- aws sns list-topics

Exit codes: that of the program, 128 and more if a signal ended it; 2 wrong usage; 1 there are no credentials.`;
