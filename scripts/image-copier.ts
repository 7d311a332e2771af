import { Command } from 'commander';
import { addDeadLetters } from './cli/dead-letters.ts';
import { addDeploy } from './cli/deploy.ts';
import { runProgram } from './cli/run-program.ts';

// The SDK says on each start that it will want Node 22 one day. That is nothing for the one who runs this.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const program = new Command('image-copier')
  .description('For the people who run the accounts of Image Copier.')
  // Before the commands are added: they take it over.
  .exitOverride();
addDeadLetters(program);
addDeploy(program);

await runProgram(program);
