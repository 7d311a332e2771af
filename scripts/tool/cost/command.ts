import { Option, type Command } from 'commander';
import { ASSUMED_DURATION_MS, ASSUMED_KEY_ROTATIONS } from './assumptions.ts';
import { COPIER } from './copier.ts';
import { PRICES, PRICES_REGION } from './prices.ts';
import { numberUpTo, pace, PACE_WORDS, wholeNumber } from '../common/option-values.ts';
import { EXIT_CODES, type Tool } from '../common/tool.ts';
import type { CostOptions } from './run.ts';

const help = (copier: string) => `
Every image is counted as copied into each account and Region. It asks AWS nothing: prices are list prices, without
free tier, discounts and tax. docs/cost.md says what is counted, and when a copy is incremental.

Examples:
  ${copier} cost --accounts 200 --bakes-per-day 50 --image-gib 8 --keep-days 30
  ${copier} cost --accounts 200 --bakes-per-day 50 --image-gib 8 --keep-days 30 --incremental-gib 1 --recipes 10
  ${copier} cost --accounts 300 --bakes-per-day 10 --image-gib 8 --keep-days 30 --keep-newest 3 --recipes 10
  ${copier} cost --accounts 100 --bakes-per-day 10 --image-gib 8 --keep-days 30 --compare

${EXIT_CODES}`;

// More filter policies than this an account of SNS does not have (SNS Developer Guide, "Filter policy constraints").
const MAX_ACCOUNTS = 10_000;
const MAX_REGIONS = 50;
const MAX_BAKES = 10_000;
const MAX_GIB = 65_536;
const MAX_DAYS = 3650;
// SSM has no more standard parameters in an account and Region (Systems Manager User Guide, "Managing parameter tiers").
const MAX_RECIPES = 10_000;
const MAX_NEWEST = 1000;
const MAX_ROTATIONS = 100;
const MAX_DURATION_MS = 120_000;
const MAX_PRICE = 10;

/** Adds `cost`: dollars a month, on paper. */
export function addCost(program: Command, tool: Tool): void {
  const option = (flags: string, description: string, parser: (value: string) => number) =>
    new Option(flags, description).argParser(parser);
  program
    .command('cost')
    .description('work out what copies and copiers cost in a month; asks AWS nothing')
    .addOption(option('--accounts <n>', 'target accounts', wholeNumber(1, MAX_ACCOUNTS)).makeOptionMandatory())
    .addOption(option('--bakes-per-day <n>', 'images baked a day', numberUpTo(MAX_BAKES)).makeOptionMandatory())
    .addOption(
      option(
        '--image-gib <GiB>',
        'data in an image: what was written, not the size of its volumes',
        numberUpTo(MAX_GIB),
      ).makeOptionMandatory(),
    )
    .addOption(option('--keep-days <days>', 'how long copies are kept', numberUpTo(MAX_DAYS)).makeOptionMandatory())
    .addOption(
      option(
        '--keep-newest <n>',
        'compare with so many copies of each recipe alone, however old; needs --recipes',
        wholeNumber(1, MAX_NEWEST),
      ),
    )
    .addOption(option('--regions <n>', 'Regions of each account', wholeNumber(1, MAX_REGIONS)).default(1))
    .option('--cross-region', 'images are baked in one Region, and copied from it into the others')
    .addOption(
      option(
        '--incremental-gib <GiB>',
        'data that a copy adds where EC2 makes it incremental; by default each copy is full',
        numberUpTo(MAX_GIB),
      ),
    )
    .addOption(
      option(
        '--recipes <n>',
        'with --keep-newest, and with --incremental-gib, where one copy of each is full',
        wholeNumber(1, MAX_RECIPES),
      ),
    )
    .addOption(option('--within <time>', `copies in a hurry, each within such a time; ${PACE_WORDS}`, pace))
    .addOption(
      option(
        '--key-rotations <n>',
        'rotations that each key has behind it; the first two cost',
        wholeNumber(0, MAX_ROTATIONS),
      ).default(ASSUMED_KEY_ROTATIONS),
    )
    .addOption(
      option(
        '--duration-ms <ms>',
        'what Lambda bills for an invocation on average; assumed',
        wholeNumber(1, MAX_DURATION_MS),
      ).default(ASSUMED_DURATION_MS),
    )
    .addOption(
      option('--memory-mb <MB>', 'input "memory_size" of the Terraform module', wholeNumber(128, 10_240)).default(
        COPIER.memoryMb,
      ),
    )
    .addOption(
      option(
        '--snapshot-price <dollars>',
        `for a GiB-month of snapshots, here that of ${PRICES_REGION}`,
        numberUpTo(MAX_PRICE),
      ).default(PRICES.snapshot.dollars),
    )
    .addOption(
      option(
        '--transfer-price <dollars>',
        `with --cross-region, for a GB (default: ${PRICES.transfer.dollars}, from ${PRICES_REGION})`,
        numberUpTo(MAX_PRICE),
      ),
    )
    .option('--compare', 'beside it what sharing the images and EC2 Image Builder cost, and what each of them risks')
    .option('--json', 'print all figures as JSON')
    .addHelpText('after', help(tool.program))
    .action(async (options: CostOptions) => {
      const { cost } = await import('./run.ts');
      cost(options, tool.terminal);
    });
}
