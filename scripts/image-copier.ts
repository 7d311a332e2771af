import { Command } from 'commander';
import { addAnnounce } from './cli/announce.ts';
import { addBackfill } from './cli/backfill.ts';
import { addCost } from './cli/cost.ts';
import { addDeadLetters } from './cli/dead-letters.ts';
import { addDeploy } from './cli/deploy.ts';
import { addDoctor } from './cli/doctor.ts';
import { addRecipes } from './cli/recipes.ts';
import { runProgram } from './cli/run-program.ts';
import { addStatus } from './cli/status.ts';

// The SDK says on each start that it will want Node 22 one day. That is nothing for the one who runs this.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const program = new Command('image-copier')
  .description('For the people who bake images, and who run the accounts that copy them.')
  // Before the commands are added: they take it over.
  .exitOverride();
addAnnounce(program);
addStatus(program);
addDoctor(program);
addBackfill(program);
addRecipes(program);
addDeadLetters(program);
addDeploy(program);
addCost(program);

await runProgram(program);
