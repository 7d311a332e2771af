import { Command } from 'commander';
import { addAnnounce } from './announce.ts';
import { addBackfill } from './backfill.ts';
import { addCost } from './cost.ts';
import { addDeadLetters } from './dead-letters.ts';
import { addDeploy } from './deploy.ts';
import { addDoctor } from './doctor.ts';
import { addRecipes } from './recipes.ts';
import { addStatus } from './status.ts';

/** The operators' tool with all its commands. */
export function createProgram(): Command {
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
  return program;
}
