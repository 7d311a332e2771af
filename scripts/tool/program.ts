import { Command } from 'commander';
import { addAnnounce } from './request/command.ts';
import { addBackfill } from './backfill/command.ts';
import { addCost } from './cost/command.ts';
import { addDeadLetters } from './dead-letters/command.ts';
import { addDeploy } from './deploy/command.ts';
import { addDoctor } from './doctor/command.ts';
import { addRecipes } from './recipes/command.ts';
import { addStatus } from './status/command.ts';

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
