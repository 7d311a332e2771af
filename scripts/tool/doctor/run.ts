import type { PlacesOptions } from '../common/places-options.ts';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { partitionOf } from '../../../terraform/stacks/regions.ts';
import { examine, type Examination, type Question } from './examine.ts';
import type { Site } from './finding.ts';
import { compareCode } from './functions.ts';
import { askSource } from './source-account.ts';
import { ROOT } from '../common/paths.ts';
import { inPlaces, tellProblems, type Outcome } from '../common/in-places.ts';
import { interruptible } from '../common/interruption.ts';
import { formatJson } from '../common/json.ts';
import { placesOf, type Place } from '../common/places.ts';
import { findingLines, type Examined } from './show.ts';
import { UserError } from '../common/user-error.ts';

export interface DoctorOptions extends PlacesOptions {
  readonly image?: string;
  readonly imageRegion?: string;
  readonly json?: true;
}

const BUILT_ZIP = join(ROOT, 'lambda', 'dist', 'image-copier.zip');

/** Examines the places that the options name, shows what was found, and sets the exit code. */
export async function runDoctor(options: DoctorOptions): Promise<void> {
  if (options.imageRegion !== undefined && options.image === undefined) {
    throw new UserError('--image-region is the Region of an --image.', 2);
  }
  const { targets, source } = await placesOf(options);
  const question: Question = {
    builtSha256: builtSha256(),
    ...(options.image !== undefined && { image: { id: options.image, region: options.imageRegion } }),
  };
  const answers = source && askSource(source);
  const siteOf = (place: Place) => toSite(place, options);
  const outcomes = await interruptible((signal) =>
    inPlaces(targets, (place) => examine(place, siteOf(place), question, answers), signal),
  ).finally(() => answers?.close());
  const examined = withComparison(outcomes, siteOf);
  if (options.json) console.log(formatJson(examined.map(fieldsOf)));
  else console.log(findingLines(examined).join('\n'));
  tellProblems(outcomes);
  const isWell = ({ findings }: Examined) => findings?.every(({ severity }) => severity !== 'problem') ?? false;
  if (!examined.every(isWell)) process.exitCode = 1;
}

/** Adds what only a look at all places together shows. */
function withComparison(outcomes: readonly Outcome<Examination>[], siteOf: (place: Place) => Site): Examined[] {
  const read = outcomes.filter((outcome) => 'value' in outcome);
  const compared = compareCode(read.map(({ place, value: { functions } }) => ({ site: siteOf(place), functions })));
  return outcomes.map((outcome) =>
    'value' in outcome
      ? {
          place: outcome.place,
          findings: [...outcome.value.findings, ...(compared[read.indexOf(outcome)] ?? [])],
        }
      : { place: outcome.place, problem: outcome.problem },
  );
}

function fieldsOf({ place, findings, problem }: Examined) {
  const { account, accountId, region } = place;
  return { account, accountId, region, problem: problem ?? null, findings: findings ?? null };
}

function toSite({ accountId, account, region, copier }: Place, { accountsFile }: DoctorOptions): Site {
  const file = accountsFile === 'accounts.yaml' ? '' : ` --accounts-file ${accountsFile ?? ''}`;
  const apply =
    accountsFile === undefined
      ? 'terraform apply (module image-copier)'
      : `npx image-copier deploy${file} --only ${account}`;
  return { accountId, region, partition: partitionOf(region), name: copier.name, apply };
}

function builtSha256(): string | undefined {
  if (!existsSync(BUILT_ZIP)) return undefined;
  return createHash('sha256').update(readFileSync(BUILT_ZIP)).digest('base64');
}
