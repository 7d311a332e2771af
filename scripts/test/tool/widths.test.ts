import { describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { makeConnect } from '../../tool/common/aws-clients.ts';
import type { Environment } from '../../tool/common/environment.ts';
import { print } from '../../tool/common/terminal.ts';
import { widthOf } from '../../tool/common/wrap.ts';
import { alternativesOf } from '../../tool/cost/alternatives.ts';
import { monthlyCost } from '../../tool/cost/monthly-cost.ts';
import { PRICES } from '../../tool/cost/prices.ts';
import { formatAlternatives, formatCost } from '../../tool/cost/show.ts';
import { lettersTable } from '../../tool/dead-letters/show.ts';
import { formatDependents } from '../../tool/deploy/dependents.ts';
import { formatPlanned } from '../../tool/deploy/planned-changes.ts';
import { resultsTable } from '../../tool/deploy/results-table.ts';
import { formatFindings } from '../../tool/doctor/show.ts';
import { createProgram } from '../../tool/program.ts';
import { formatHistory, formatMoves } from '../../tool/recipes/show.ts';
import { formatCall, stateTable } from '../../tool/request/show.ts';
import { formatFreed, formatImages } from '../../tool/retire/show.ts';
import { toldTable } from '../../tool/revoke/show.ts';
import type { CellState, StatusReport } from '../../tool/status/report.ts';
import { formatStatus } from '../../tool/status/show.ts';
import { formatFleet } from '../../tool/fleet/show.ts';
import type { FleetState } from '../../tool/fleet/report.ts';
import { planWith } from './cost/plan.ts';
import { stack } from './deploy/stacks.ts';
import { fleetReport, runningInstance } from './fleet/sample-fleet.ts';
import { FakeTerminal } from './support/fake-terminal.ts';
import { run } from './support/run.ts';

const ACCOUNT = 'payments-production-frankfurt';
const RECIPE = 'ubuntu-noble-numbat-24.04-hardened';
const REGION = 'ap-southeast-2';
const IMAGE = 'ami-0123456789abcdef0';
const COPY = 'ami-0fedcba9876543210';
const KEY_ID = '11111111-2222-3333-4444-555555555555';
const KEY = `arn:aws:kms:${REGION}:333333333333:key/${KEY_ID}`;
const ROLE = `arn:aws:sts::333333333333:assumed-role/image-copier-copy-image`;
const LETTER = '2f1c7d1e-5c0a-4a8e-9a4e-0d6f3a1b2c3d';
const LOG = `.image-copier/logs/${ACCOUNT}.log`;
const PARAMETER = `/images/golden/${RECIPE}`;
const RESOURCE = 'module.settle_copy.aws_cloudwatch_log_group.log';
const REASON = `The key ${KEY} is disabled, so ${ROLE} can copy nothing with it. Enable it, and put the request back.`;
const NOW = '2026-11-26T22:30:00.000Z';

const environment: Environment = { account: ACCOUNT, accountId: '333333333333', region: REGION, labels: {} };
const copier = {
  ...environment,
  name: 'image-copier',
  parameterPath: '/images/golden',
  recipeTag: 'Recipe',
  copyTags: [],
  aws: makeConnect()({ region: REGION }),
};
const target = { ...environment, imageId: IMAGE };

const REPORT: StatusReport = {
  readAt: NOW,
  columns: Array.from({ length: 3 }, () => environment),
  rows: [
    {
      title: RECIPE,
      recipe: RECIPE,
      images: [{ imageId: IMAGE, region: REGION, name: RECIPE, bakedAt: '2026-11-20T10:00:00.000Z' }],
      cells: (['available', 'failed', 'not shared'] satisfies CellState[]).map((state) => ({
        state,
        copy: {
          imageId: COPY,
          sourceImageId: IMAGE,
          bakedAt: '2026-11-20T10:00:00.000Z',
          startedAt: '2026-11-20T10:10:00.000Z',
          settledAt: '2026-11-20T10:20:00.000Z',
          attempt: 1,
          keyArn: KEY,
        },
        reason: REASON,
      })),
    },
  ],
  channels: [
    {
      ...{ ...environment, recipe: RECIPE, channel: 'production', imageId: COPY, sourceImageId: IMAGE },
      ...{ bakedAt: '2026-11-20T10:00:00.000Z', state: 'available' },
    },
  ],
};

const FLEET = fleetReport(
  (['behind', 'unknown'] satisfies FleetState[]).flatMap((state, index) =>
    Array.from({ length: 5 }, (_, number) =>
      runningInstance({
        ...environment,
        instanceId: `i-0123456789abcdef${number}`,
        imageId: index === 0 ? IMAGE : COPY,
        state,
        behind: 1234,
        recipe: RECIPE,
        copyId: COPY,
        reason: REASON,
      }),
    ),
  ),
);

/** What each command prints for people, with the words of it that nobody wants to be broken. */
const OUTPUTS: readonly (readonly [string, (width: number) => string, readonly string[]])[] = [
  [
    'status',
    (width) => formatStatus(REPORT, { width, all: true }),
    [ACCOUNT, RECIPE, REGION, COPY, KEY_ID, ROLE, IMAGE, 'production'],
  ],
  [
    'fleet',
    (width) => formatFleet(FLEET, { width, all: true }),
    [ACCOUNT, RECIPE, REGION, COPY, IMAGE, 'i-0123456789abcdef2', ROLE],
  ],
  [
    'dead-letters list',
    (width) =>
      lettersTable(
        [
          {
            copier,
            id: LETTER,
            sourceImage: IMAGE,
            code: 'KMSKeyDisabledException',
            reason: REASON,
            requestedAt: new Date('2026-11-20T10:00:00.000Z'),
            attempt: 12,
            receiveCount: 3,
            body: '',
          },
        ],
        { width, nowMs: Date.parse(NOW), several: true },
      ),
    [ACCOUNT, REGION, IMAGE, 'KMSKeyDisabledException:', ROLE],
  ],
  [
    'history',
    (width) =>
      formatHistory(
        [
          {
            copier,
            value: [
              {
                version: 100,
                imageId: COPY,
                setAt: NOW,
                setBy: ROLE,
                image: { sourceImageId: IMAGE, state: 'available', bakedMs: 0, isVerified: false, isApproved: true },
              },
            ],
          },
        ],
        width,
      ) ?? '',
    [ACCOUNT, REGION, COPY, IMAGE, NOW],
  ],
  [
    'rollback',
    (width) => formatMoves([{ copier, value: { parameter: PARAMETER, from: COPY, to: IMAGE } }], width),
    [ACCOUNT, REGION, PARAMETER, COPY, IMAGE],
  ],
  [
    'promote',
    (width) =>
      formatMoves([{ copier, value: { parameter: `${PARAMETER}/channels/prod`, from: undefined, to: COPY } }], width),
    [ACCOUNT, REGION, `${PARAMETER}/channels/prod`, COPY],
  ],
  [
    'retire',
    (width) =>
      [
        formatImages(
          [
            {
              copier,
              imageId: COPY,
              recipe: RECIPE,
              size: { gib: 1234.5, by: 'volume' },
              state: 'would be in quarantine for 365 days',
              reasons: [{ code: 'Parameter', message: `The parameter ${PARAMETER} points to it.` }],
            },
          ],
          width,
        ),
        formatFreed([{ recipe: RECIPE, copies: 12_345, goes: 678, stays: 90, gib: 98_765.4 }], width),
      ].join('\n'),
    [ACCOUNT, REGION, COPY, PARAMETER, RECIPE],
  ],
  [
    'deploy',
    (width) =>
      resultsTable(
        [
          {
            stack: stack(ACCOUNT),
            result: 'done',
            changes: { added: 101, changed: 20, destroyed: 30 },
            seconds: 12345,
          },
          { stack: stack(ACCOUNT), result: 'not reached' },
        ],
        () => LOG,
        width,
      ),
    [ACCOUNT, LOG, 'not reached'],
  ],
  [
    'deploy --plan',
    () => {
      const address = `module.image-copier-${REGION}.${RESOURCE}`;
      const changes = { added: 1, changed: 0, destroyed: 1, resources: [{ address, action: 'replace' as const }] };
      const reports = Array.from({ length: 9 }, (_, index) => stack(`${ACCOUNT}-${index}`));
      return formatPlanned(reports.map((each) => ({ stack: each, result: 'planned', changes }))) ?? '';
    },
    [`${ACCOUNT}-8`, 'REPLACE', RESOURCE],
  ],
  [
    'destroy',
    (width) => formatDependents([{ copier, value: { copies: 12_345, parameters: 678, instances: 9012 } }], width),
    [ACCOUNT, REGION, '12345'],
  ],
  [
    'request --wait',
    (width) => stateTable([{ target, progress: 'failed', copy: COPY, reason: REASON }], width),
    [ACCOUNT, REGION, IMAGE, COPY, ROLE],
  ],
  [
    'revoke --wait',
    (width) =>
      toldTable(
        [
          {
            told: target,
            state: 'waiting',
            images: [],
            pending: [],
            instances: 0,
            stuck: [],
            problems: [`${COPY}: ${REASON}`],
          },
          {
            told: target,
            state: 'done',
            images: [COPY],
            pending: [IMAGE],
            instances: 12_345,
            stuck: [PARAMETER],
            problems: [],
          },
        ],
        width,
      ),
    [ACCOUNT, REGION, IMAGE, PARAMETER, ROLE],
  ],
  [
    'request --dry-run',
    () =>
      formatCall({
        action: 'ec2:ModifyImageAttribute',
        resource: IMAGE,
        details: REASON,
        send: () => Promise.resolve(),
      }),
    [IMAGE, ROLE],
  ],
  [
    'cost',
    (width) => {
      const plan = planWith({ accounts: 10_000, regions: 50, bakesPerDay: 10_000 });
      return formatCost(plan, monthlyCost(plan, PRICES), width);
    },
    [],
  ],
  [
    'cost --compare',
    (width) => {
      const plan = planWith({ accounts: 10_000, regions: 50, bakesPerDay: 10_000 });
      return formatAlternatives(plan, alternativesOf(plan), width);
    },
    ['share unencrypted, encrypt at launch', 'Image Copier', '50,000 images'],
  ],
  [
    'doctor',
    (width) => {
      const finding = { code: 'KeyDisabled', subject: KEY, what: REASON, why: REASON, fix: REASON, commands: [] };
      return formatFindings([{ environment, findings: [{ severity: 'problem', ...finding }] }], 'note', width).whole;
    },
    [KEY, ROLE],
  ],
];

describe.each([60, 80, 120])('on a terminal of %i columns', (columns) => {
  it.each(OUTPUTS)('%s prints no line that is wider, and breaks no word', (_, show, words) => {
    const { out } = new FakeTerminal({ columns });
    print(out, show(columns));

    expectToFit(out.text, columns);
    for (const word of words.filter((each) => widthOf(each) <= columns)) expect(out.text).toContain(word);
  });

  it.each(commands())('the help of %s is no wider, but for examples', async (...names) => {
    const { out } = await run([...names, '--help'], { terminal: new FakeTerminal({ columns }) });

    expect(out).toContain('Usage:');
    expectToFit(out.replaceAll(/^ {2}\S*image-copier .*$/gm, ''), columns);
    // A paragraph ends where it ends, not where the lines of its author did.
    for (const [, paragraph = ''] of out.matchAll(/^(\S.*(?:\n\S.*)+)$/gm)) {
      for (const [line, next] of pairsOf(paragraph.split('\n'))) {
        const [first = ''] = /^image-copier .*?\.|^\S+/.exec(next) ?? [];
        expect(widthOf(`${line} ${first}`)).toBeGreaterThan(columns);
      }
    }
  });
});

/** No line is wider than the terminal, unless it is one word that is. */
function expectToFit(text: string, columns: number): void {
  const wide = text.split('\n').filter((line) => widthOf(line) > columns && line.trim().includes(' '));
  expect(wide).toEqual([]);
}

function pairsOf(lines: readonly string[]): (readonly [string, string])[] {
  return lines.slice(1).map((line, index) => [lines[index] ?? '', line] as const);
}

/** The names of all commands, those within others too. */
function commands(): string[][] {
  const terminal = new FakeTerminal();
  const program = createProgram(
    {
      terminal,
      loadConnect: () => Promise.resolve(makeConnect()),
      env: {},
      program: 'image-copier',
      interruptible: (use) => use(new AbortController().signal),
    },
    () => undefined,
  );
  const namesIn = (command: Command): string[][] =>
    command.commands.flatMap((each) => [[each.name()], ...namesIn(each).map((names) => [each.name(), ...names])]);
  return namesIn(program);
}
