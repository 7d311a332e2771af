import { realpathSync } from 'node:fs';
import { connect } from './common/aws-clients.ts';
import { interruptible } from './common/interruption.ts';
import { isExecutable } from './common/is-executable.ts';
import { processTerminal } from './common/process-terminal.ts';
import { startedAs } from './common/started-as.ts';
import { runTool } from './run-tool.ts';

// The SDK says on each start that it will want Node 22 one day. That is nothing for the one who runs this.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

// The reader of a pipe may have seen enough, as `head` does.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));

const script = process.argv[1] ?? '';

process.exitCode = await runTool(process.argv.slice(2), {
  program: startedAs({
    script,
    file: realpathSync(script),
    folder: process.cwd(),
    path: process.env['PATH'] ?? '',
    // Windows runs no script by its path.
    isExecutable: (path) => process.platform !== 'win32' && isExecutable(path),
  }),
  terminal: processTerminal(process),
  connect,
  env: process.env,
  interruptible,
});
