#!/usr/bin/env node
import { realpathSync } from 'node:fs';
import { interruptible } from './common/interruption.ts';
import { isExecutable } from './common/is-executable.ts';
import { processTerminal } from './common/process-terminal.ts';
import { startedAs } from './common/started-as.ts';
import { printTopHelp, type TopHelp } from './top-help.ts';

/** JSON that the build puts here, so that help needs nothing else (scripts/dev/tool-bundle.ts). */
declare const TOP_HELP: string;

// The SDK says on each start that it will want Node 22 one day. That is nothing for the one who runs this.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

// The reader of a pipe may have seen enough, as `head` does.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));

const script = process.argv[1] ?? '';

const args = process.argv.slice(2);
const terminal = processTerminal(process);
const program = startedAs({
  script,
  file: realpathSync(script),
  folder: process.cwd(),
  path: process.env['PATH'] ?? '',
  // Windows runs no script by its path.
  isExecutable: (path) => process.platform !== 'win32' && isExecutable(path),
});

if (args.length === 1 && (args[0] === '--help' || args[0] === '-h')) {
  printTopHelp(JSON.parse(TOP_HELP) as TopHelp, program, terminal.out);
} else {
  const { runTool } = await import('./run-tool.ts');
  process.exitCode = await runTool(args, {
    program,
    terminal,
    loadConnect: async () => (await import('./common/aws-clients.ts')).makeConnect(),
    env: process.env,
    interruptible,
    hasThreads: true,
  });
}
