import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { shellPath } from '../../../dev/shells.ts';
import { ROOT } from '../../../tool/common/paths.ts';
import { checkAlarmTopics } from '../../../tool/doctor/alarm-topics.ts';
import { ALARMS, checkAlarms } from '../../../tool/doctor/alarms.ts';
import { checkAllowedImages } from '../../../tool/doctor/allowed-images.ts';
import { awsCommand, lineOf, linesOf, toolCommand, type Command } from '../../../tool/doctor/commands.ts';
import type { CheckedCopier, Finding } from '../../../tool/doctor/finding.ts';
import { checkFunctions, compareCode } from '../../../tool/doctor/functions.ts';
import { checkImage, type OwnersView } from '../../../tool/doctor/image.ts';
import { checkKey, type KeyFacts } from '../../../tool/doctor/key.ts';
import { checkOwnImages } from '../../../tool/doctor/own-images.ts';
import { checkQueues, type QueuesFacts } from '../../../tool/doctor/queues.ts';
import { checkRole } from '../../../tool/doctor/roles.ts';
import { checkRules } from '../../../tool/doctor/rules.ts';
import { checkSubscription } from '../../../tool/doctor/subscription.ts';
import { FakeAws } from '../support/fake-aws.ts';
import { run } from '../support/run.ts';
import { writeAccountsFile } from '../support/accounts-file.ts';
import {
  ACCOUNT,
  arn,
  COPIER,
  KEY,
  keyStatements,
  lambdaFunction,
  queues,
  SOURCE,
  subscriptionAttributes,
  TOPIC,
} from './facts.ts';
import { answerNothing } from './healthy-copier.ts';

const IMAGE = 'ami-0123456789abcdef0';
// What shells do something with, in a name of a file.
const FILE = 'it\'s $HOME/`a` "b" *\\ & c.yaml';
const CHOSEN_BY = ['--accounts-file', FILE, '--only', 'payments'];
const PLACE: CheckedCopier = {
  ...COPIER,
  account: 'payments',
  access: { roleArn: `arn:aws:iam::${ACCOUNT}:role/operator` },
  chosenBy: CHOSEN_BY,
  apply: { fix: '', commands: [{ program: 'image-copier', words: ['deploy', ...CHOSEN_BY] }] },
};

/** Findings that say in words alone what to do: nobody knows a command, or it is not this account's. */
const IN_WORDS = [
  ...['AlarmTopicUnread', 'AllowedImagesNarrow', 'AllowedImagesUnread', 'ImageHasProductCodes', 'ImageHidden'],
  ...['ImageNotAvailable', 'ImageNotFound', 'ImageOwnerUnread', 'ImageTagsDoNotFit', 'ImagesNearQuota', 'NoSweepYet'],
  ...[
    'RoleUnchecked',
    'SourceKeyAwsManaged',
    'SourceKeyForMembers',
    'SourceKeyRefusesAccount',
    'SourceKeyUnread',
    'SubscriptionUnread',
  ],
  'Unread',
];

/** The findings of a copier of which nothing is as it should be. */
function everythingBroken(place: CheckedCopier): Finding[] {
  return [
    ...brokenSubscriptions(place),
    ...brokenQueues(place),
    ...brokenFunctions(place),
    ...brokenKeys(place),
    ...brokenAlarmsAndRules(place),
    ...brokenImages(place),
  ];
}

function brokenSubscriptions(place: CheckedCopier): Finding[] {
  const check = (attributes: object, arnOfIt = `${TOPIC}:1`, copier = place) =>
    checkSubscription(
      {
        topicArn: TOPIC,
        isUnread: false,
        subscriptions: [{ topicArn: TOPIC, arn: arnOfIt, attributes: { ...subscriptionAttributes(), ...attributes } }],
      },
      copier,
    );
  const filter = (...targetAccounts: readonly string[]) => ({ FilterPolicy: JSON.stringify({ targetAccounts }) });
  return [
    ...checkSubscription({ topicArn: TOPIC, subscriptions: [], isUnread: false }, place),
    ...check({}, 'PendingConfirmation'),
    ...check({ RawMessageDelivery: 'false', RedrivePolicy: '{}', FilterPolicyScope: 'MessageAttributes' }),
    ...[filter(SOURCE), filter(ACCOUNT), { FilterPolicy: '{}' }].flatMap((attributes) => check(attributes)),
    ...check(filter('001111111111', '*'), undefined, { ...place, accountId: '001111111111' }),
  ];
}

function brokenQueues(place: CheckedCopier): Finding[] {
  const users = { topicArn: TOPIC, copyTimeout: 60, retireTimeout: 300, settleTimeout: 120, retrySeconds: 21_600 };
  const { requests, deadLetters, retirements, settle } = queues();
  const open: QueuesFacts = {
    requests: { url: requests.url, arn: requests.arn, policy: {}, visibilitySeconds: 1, messages: 0 },
    deadLetters: { ...deadLetters, policy: {}, messages: 1 },
    retirements: { ...retirements, policy: {} },
    settle: { ...settle, policy: {} },
  };
  const redrive = { deadLetterTargetArn: deadLetters.arn, maxReceiveCount: 1 };
  const early = { requests: { ...requests, redrive }, deadLetters, retirements, settle };
  return [{}, open, early].flatMap((facts) => checkQueues(facts, users, place));
}

function brokenFunctions(place: CheckedCopier): Finding[] {
  const [mapping] = lambdaFunction('copy-image').mappings;
  if (!mapping) throw new Error('no mapping');
  const copyImage = lambdaFunction('copy-image', {
    ...{ state: 'Failed', lastUpdate: 'Failed', runtime: 'nodejs18.x', reservedConcurrency: 0 },
    mappings: [{ ...mapping, state: 'Disabled', responseTypes: [] }],
  });
  const settleCopy = lambdaFunction('settle-copy', { mappings: [], codeSha256: 'other' });
  const denied = { action: 'sqs:SendMessage', resource: '*', decision: 'implicitDeny' };
  return [
    ...checkFunctions({ copyImage, settleCopy }, 'built', place),
    ...checkFunctions({}, 'built', place),
    ...compareCode([{ copier: place, functions: { copyImage, settleCopy } }]).flat(),
    ...[{ isMissing: true } as const, { denied: [denied] }].flatMap((role) => checkRole('role', role, place)),
  ];
}

function brokenKeys(place: CheckedCopier): Finding[] {
  const { administered, used } = keyStatements();
  const facts: KeyFacts = {
    ...{ arn: KEY, state: 'Enabled', isModules: true, isRotated: false },
    policy: { Statement: [{ ...administered, Principal: { AWS: `arn:aws:iam::${SOURCE}:root` } }, used] },
  };
  const states = ['Disabled', 'PendingDeletion', 'Unavailable'].map((state) => ({ ...facts, state }));
  return [undefined, ...states, facts, { ...facts, policy: {} }].flatMap((each) => checkKey(each, KEY, place));
}

function brokenAlarmsAndRules(place: CheckedCopier): Finding[] {
  const alarm = { state: 'ALARM', description: '', isEnabled: false, actions: [], configuredAtMs: 0 };
  const queueArn = arn('sqs', 'image-copier-settle.fifo');
  const rule = (state: string, targetArns: readonly string[]) => [
    { name: 'image-copier-sweep', rule: { state, targetArns } },
  ];
  return [
    ...checkAlarms([], [], 0, place),
    ...checkAlarms([{ ...alarm, name: `image-copier-${ALARMS[0]}` }], [], 0, place),
    ...checkAlarmTopics([{ arn: arn('sns', 'on-call'), state: 'missing' }], place),
    ...[rule('DISABLED', [queueArn]), rule('ENABLED', [])].flatMap((rules) => checkRules(rules, place)),
    ...checkAllowedImages({ state: 'enabled', criteria: [{ ImageNames: ["it's*"] }] }, [], place),
    ...checkAllowedImages({ state: 'enabled', criteria: [{ ImageProviders: ['amazon'] }] }, [SOURCE], place),
  ];
}

function brokenImages(place: CheckedCopier): Finding[] {
  const users = {
    ...{ imageId: IMAGE, imageRegion: 'us-east-1', trustedOwners: [ACCOUNT], topicArn: TOPIC, hasSource: true },
    ...{ copyTags: [], roleArn: undefined, isHidden: () => false },
  };
  const image = { ownerId: SOURCE, state: 'available', snapshotIds: ['snap-1'], hasProductCodes: false };
  const unshared = { accountIds: [], isPublic: false, hasOrganizations: false };
  const owner: OwnersView = { image, tags: {}, launch: unshared, snapshots: [], keys: new Map() };
  const denied = { action: 'kms:Decrypt', resource: '*', decision: 'implicitDeny' };
  const roleOnKeys = new Map([['key', { denied: [denied] }]]);
  return [
    ...checkImage({ snapshots: [], roleOnKeys }, owner, users, place),
    ...checkImage({ snapshots: [], roleOnKeys }, 'not asked', { ...users, hasSource: false }, place),
    ...checkImage({ image, snapshots: [], roleOnKeys }, 'not asked', users, place),
    ...checkImage({ image, snapshots: [{ id: 'snap-1', keyArn: 'key' }], roleOnKeys }, 'not asked', users, place),
    ...checkOwnImages(
      {
        ...{ images: 0, copying: 300, unencrypted: [{ imageId: IMAGE, devices: ['/dev/sdb'] }] },
        parameters: [{ name: "/image-copier/team/it's a recipe", imageId: IMAGE }],
        impostors: [{ imageId: IMAGE, reason: '' }],
      },
      place,
    ),
  ];
}

/** What a shell makes of the lines: the words of each command. */
function parsedBy(shell: 'bash' | 'zsh', lines: readonly string[]): string[][] {
  const programs = ['aws', 'image-copier', 'node'].map((name) => `${name}() { printf '%s\\0' ${name} "$@"; echo; }`);
  const options = shell === 'zsh' ? ['-f'] : ['--norc'];
  const out = execFileSync(shellPath(shell), [...options, '-c', [...programs, ...lines].join('\n')], {
    encoding: 'utf8',
    // A pattern that matches nothing stays one for bash, so here some match.
    cwd: ROOT,
  });
  return out
    .split('\0\n')
    .slice(0, -1)
    .map((words) => words.split('\0'));
}

const places: readonly [string, CheckedCopier][] = [
  ['a role', PLACE],
  ['a profile', { ...PLACE, access: { profile: 'team a' }, chosenBy: ['--profile', 'team a'] }],
  ['the credentials of the environment', { ...PLACE, access: {}, chosenBy: [] }],
];

describe.each(['bash', 'zsh'] as const)('%s', (shell) => {
  it.each(places)('takes each command of each finding as it is meant, with %s', (_, place) => {
    const commands = everythingBroken(place).flatMap((finding) => finding.commands);

    expect(parsedBy(shell, commands.map(lineOf))).toEqual(commands.map(({ program, words }) => [program, ...words]));
  });

  it('takes a start of this tool by two words', () => {
    const start = { ...PLACE, program: "node 'a b/image-copier.mjs'", access: {}, chosenBy: [] };

    expect(parsedBy(shell, [lineOf(toolCommand(start, 'status'))])).toEqual([
      ['node', 'a b/image-copier.mjs', 'status', '--region', 'eu-west-1'],
    ]);
  });
});

it('has a command for each finding that is not fixed in words alone', async () => {
  const aws = new FakeAws();
  answerNothing(aws.in(ACCOUNT));
  const accountsFile = writeAccountsFile({
    ...{ source: { id: SOURCE }, topic: 'amigo-notify' },
    defaults: { regions: ['eu-west-1'], roleName: 'operator' },
    accounts: [{ id: ACCOUNT, name: 'payments' }],
  });
  const { out } = await run(['doctor', '--json', '--accounts-file', accountsFile], { aws });
  const [row] = JSON.parse(out) as { findings: { code: string; commands: string[] }[] }[];
  expect(row?.findings.map(({ code, commands }) => [code, commands])).toEqual([
    ['NoCopier', [`image-copier deploy --accounts-file ${accountsFile} --only source,payments`]],
  ]);

  const findings = everythingBroken(PLACE);
  const document = readFileSync(join(ROOT, 'docs', 'doctor.md'), 'utf8');
  const codes = Array.from(document.matchAll(/^\| `(\w+)`/gm), ([, code = '']) => code);
  const without = findings.filter(({ commands }) => commands.length === 0).map(({ code }) => code);
  const withCommands = findings.filter(({ commands }) => commands.length > 0).map(({ code }) => code);
  expect(without.filter((code) => !IN_WORDS.includes(code))).toEqual([]);
  expect(Array.from(new Set(['NoCopier', ...IN_WORDS, ...withCommands])).sort()).toEqual(codes.sort());
});

describe('a command of the AWS CLI', () => {
  const describeKey = (place: CheckedCopier) => lineOf(awsCommand(place, 'kms', 'describe-key', '--key-id', KEY));

  it('is run with the credentials of the account by exec where a role is assumed', () => {
    expect(describeKey({ ...PLACE, chosenBy: ['--accounts', ACCOUNT, '--role-name', 'operator'] })).toBe(
      `image-copier exec --accounts ${ACCOUNT} --role-name operator --region eu-west-1 -- aws kms describe-key --key-id ${KEY}`,
    );
  });

  it('has the profile, or nothing where the environment has the credentials', () => {
    expect(describeKey({ ...PLACE, access: { profile: 'web' } })).toBe(
      `aws kms describe-key --key-id ${KEY} --profile web --region eu-west-1`,
    );
    expect(describeKey({ ...PLACE, access: {} })).toBe(`aws kms describe-key --key-id ${KEY} --region eu-west-1`);
  });
});

describe('linesOf', () => {
  const deploy = (account: string): Command => ({ program: 'copier', words: ['deploy', '--only', account, '--plan'] });
  const inAccount = (account: string): Command => ({
    program: 'copier',
    words: ['exec', '--only', account, '--', 'aws', '--only', 'x'],
  });

  it('makes one of those that differ in the account alone', () => {
    expect(linesOf([deploy('a'), deploy('b'), inAccount('a'), deploy('a'), inAccount('b')])).toEqual([
      'copier deploy --only a,b --plan',
      'copier exec --only a -- aws --only x',
      'copier exec --only b -- aws --only x',
    ]);
  });

  it('has the same command once', () => {
    const status = { program: 'copier', words: ['status'] };
    expect(linesOf([status, inAccount('a'), status, inAccount('a')])).toEqual([
      'copier status',
      'copier exec --only a -- aws --only x',
    ]);
  });
});
