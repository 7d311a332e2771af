import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Image } from '@aws-sdk/client-ec2';
import {
  AuthorizationErrorException,
  GetTopicAttributesCommand,
  ListSubscriptionsCommand,
  ListTopicsCommand,
  SubscribeCommand,
} from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand, GetQueueUrlCommand, type QueueAttributeName } from '@aws-sdk/client-sqs';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { parse, stringify } from 'yaml';
import type { BakedImage } from '../../scripts/tool/common/bake.ts';
import { findCopies, isAnnounced, snapshotsOf, tagOf } from '../../scripts/tool/common/copies.ts';
import { makeAdministratorRoles, OPERATORS_ACCOUNT } from '../../scripts/dev/administrator-role.ts';
import {
  emulatedAccount,
  emulatedEnvironment,
  withoutAws,
  type EmulatedAccount,
} from '../../scripts/dev/emulated-account.ts';
import { CACHE } from '../../scripts/tool/common/paths.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { Amigo } from './from-amigo/amigo.ts';
import { makeAmigosStacks } from './from-amigo/amigos-stack.ts';
import { endpoint, newAccountId, REGION } from './support/emulator.ts';
import { following } from './support/follow.ts';
import { leaveAccount } from './support/leave-account.ts';
import { Runbook } from './support/runbook.ts';

const DEPLOY_TIMEOUT_MS = 900_000;
const ROLE = 'OrganizationAccountAccessRole';
const [source, canary, web] = [0, 1, 2].map(() => emulatedAccount(endpoint(), newAccountId(), REGION)) as [
  EmulatedAccount,
  EmulatedAccount,
  EmulatedAccount,
];
const TARGETS = [canary, web];
const TARGET_IDS = TARGETS.map(({ id }) => id);
const ACCOUNTS = { '111111111111': source.id, '222222222222': canary.id, '333333333333': web.id };

const folder = join(CACHE, 'test', 'from-amigo', source.id);
const accountsFile = join(folder, 'accounts.yaml');
const awsConfig = join(folder, 'config');
const environment = {
  ...withoutAws(),
  ...emulatedEnvironment(endpoint(), OPERATORS_ACCOUNT, REGION),
  AWS_CONFIG_FILE: awsConfig,
};
const document = new Runbook('docs/from-amigo.md', folder, environment);
const amigo = new Amigo(source, 'PROD');
/** The sections whose steps ran to the last one. */
const gone: string[] = [];
/** The key of AMIgo's copier, by account. */
const amigosKeys = new Map<string, string>();
let bakes = 0;

const COUNTS = ['', 'Delayed', 'NotVisible'].map((kind) => `ApproximateNumberOfMessages${kind}` as QueueAttributeName);

function steps(section: string, names: Readonly<Record<string, string>> = {}) {
  // An ARN before the account in it.
  const next = following(document, section, { ...names, ...ACCOUNTS });
  return async (code: number) => {
    const { isLast } = await next(code);
    if (isLast) gone.push(section);
  };
}

/** What the document says at a place of a section, with the accounts that stand for its own here. */
function textAt(section: string, place: RegExp): string {
  const [, found = ''] = place.exec(document.textOf(section)) ?? [];
  return Object.entries(ACCOUNTS).reduce((text, [shown, real]) => text.replaceAll(shown, real), found);
}

/** Replaces the entry of an account in the accounts file by that of a section. */
function replaceEntry(section: string): void {
  const file = parse(readFileSync(accountsFile, 'utf8')) as { accounts: { name: string }[] };
  const entry = parse(textAt(section, /`(\{ id: [^`]+)`/)) as { name: string };
  const accounts = file.accounts.map((each) => (each.name === entry.name ? entry : each));
  writeFileSync(accountsFile, stringify({ ...file, accounts }));
}

/** Has AMIgo bake, in a second of its own: EC2 tells the time of an image in whole seconds. */
async function bake(): Promise<BakedImage> {
  bakes += 1;
  const second = Math.floor(Date.now() / 1000);
  await waitFor('the next second', () => Promise.resolve(Date.now() / 1000 >= second + 1 ? true : undefined));
  return await amigo.bake('ubuntu', bakes, TARGET_IDS);
}

/** The copies in an account, once there is one that is as far as it gets. */
async function copiesIn(account: EmulatedAccount, { imageId }: BakedImage, isDone: (copy: Image) => boolean) {
  return await waitFor(
    `the copy in ${account.id}`,
    async () => {
      const copies = await findCopies(account, imageId);
      return copies.some(isDone) ? copies : undefined;
    },
    { timeoutMs: 150_000 },
  );
}

const isAmigos = (copy: Image) => copy.State === 'available' && tagOf(copy, 'ImageCopier') === undefined;
const isOurs = (copy: Image) => isAnnounced(copy, 'image-copier');

/** Waits until Image Copier is done with all requests of an account. */
async function untilNothingIsAsked({ id, sqs }: EmulatedAccount): Promise<void> {
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: 'image-copier-requests' }));
  await waitFor(
    `an empty queue in ${id}`,
    async () => {
      const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: COUNTS }));
      return COUNTS.every((count) => Attributes?.[count] === '0') ? true : undefined;
    },
    { timeoutMs: 150_000 },
  );
}

async function policyOf(TopicArn: string): Promise<{ Statement: { Sid: string }[] }> {
  const { Attributes } = await source.sns.send(new GetTopicAttributesCommand({ TopicArn }));
  return JSON.parse(Attributes?.['Policy'] ?? '{}') as { Statement: { Sid: string }[] };
}

/** ARN and function of AMIgo's subscription for copy requests. */
async function amigosSubscription({ sns }: EmulatedAccount) {
  const { Subscriptions = [] } = await sns.send(new ListSubscriptionsCommand({}));
  return Subscriptions.find(({ TopicArn, Protocol }) => TopicArn === amigo.requestTopic && Protocol === 'lambda');
}

async function parameterIn({ ssm }: EmulatedAccount): Promise<string | undefined> {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: '/image-copier/ubuntu' }));
  return Parameter?.Value;
}

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  await makeAdministratorRoles(endpoint(), ROLE, Object.values(ACCOUNTS));
  const profiles = Object.entries({ canary, web }).map(([name, { id }]) =>
    [
      `[profile ${name}]`,
      `role_arn = arn:aws:iam::${id}:role/${ROLE}`,
      'credential_source = Environment',
      `region = ${REGION}`,
    ].join('\n'),
  );
  writeFileSync(awsConfig, profiles.join('\n'));
  await amigo.start(TARGET_IDS);
  for (const target of TARGETS) amigosKeys.set(target.id, (await makeAmigosStacks(target, amigo)).keyArn);
}, DEPLOY_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([source, canary, web].map(leaveAccount));
  rmSync(folder, { recursive: true });
});

describe('the way from AMIgo', () => {
  /** Copied by AMIgo's copier before Image Copier came, and by Image Copier alone. */
  const images: { first?: BakedImage; ours?: BakedImage } = {};

  it("begins at AMIgo's topics, functions and copies", async () => {
    const image = await bake();
    images.first = image;
    for (const target of TARGETS) expect(await copiesIn(target, image, isAmigos)).toHaveLength(1);

    const { Statement } = await policyOf(amigo.requestTopic);
    expect(Statement.find(({ Sid }) => Sid === 'amigo_lambda_subs')).toEqual(
      JSON.parse(textAt('What AMIgo owns', /```json\n([^`]+)```/)),
    );
    await steps('1. See what is there')(0);
  });

  it('does not begin where the accounts file does not say that the topics are there', async () => {
    const file = textAt('2. List the accounts', /```yaml\n([^`]+)```/);
    writeFileSync(accountsFile, file.replace(/^ {2}existingTopics: .*\n/m, ''));
    const command = 'image-copier deploy --accounts-file accounts.yaml';

    const { code, output } = await document.run({ command, shown: '' }, {});

    expect(output).toContain(`AMIgo writes the policy of the topic amigo-PROD-notify in ${REGION}.`);
    expect(code).toBe(2);
    const { Topics = [] } = await source.sns.send(new ListTopicsCommand({}));
    expect(Topics).toHaveLength(2);
  });

  it(
    'leaves its topics alone, also after it wrote their policies anew',
    async () => {
      // As long as it takes the function of AMIgo to begin.
      const file = textAt('2. List the accounts', /```yaml\n([^`]+)```/);
      expect(file).toContain('request_delay_seconds: 60');
      writeFileSync(accountsFile, file.replace('request_delay_seconds: 60', 'request_delay_seconds: 20'));
      const before = await policyOf(amigo.requestTopic);
      const next = steps("3. Deploy beside AMIgo's copier");

      await next(0);
      expect(await policyOf(amigo.requestTopic)).toEqual(before);
      const { Topics = [] } = await source.sns.send(new ListTopicsCommand({}));
      expect(Topics.map(({ TopicArn }) => TopicArn).sort()).toEqual(
        [amigo.requestTopic, amigo.housekeepingTopic, `${amigo.requestTopic}-results`].sort(),
      );

      const stranger = emulatedAccount(endpoint(), newAccountId(), REGION);
      const Endpoint = `arn:aws:sqs:${REGION}:${stranger.id}:image-copier-requests`;
      await expect(
        stranger.sns.send(new SubscribeCommand({ TopicArn: amigo.requestTopic, Protocol: 'sqs', Endpoint })),
      ).rejects.toThrow(AuthorizationErrorException);

      // It lists one account more.
      await amigo.start([...TARGET_IDS, newAccountId()]);
      expect(await policyOf(amigo.requestTopic)).not.toEqual(before);
      await next(0);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it('has one copy of an image while both copiers run, and takes those from before for done', async () => {
    const next = steps('4. Let both run');
    await next(0);

    const image = await bake();
    for (const target of TARGETS) {
      await copiesIn(target, image, isAmigos);
      await untilNothingIsAsked(target);
      const copies = await findCopies(target, image.imageId);
      expect(copies).toHaveLength(1);
      expect(copies.filter(isAmigos)).toEqual(copies);
    }
    await next(0);
  });

  it(
    'goes over to Image Copier in one account',
    async () => {
      const subscription = await amigosSubscription(canary);
      const section = "5. Stop AMIgo's copier, account by account";
      const next = steps(section, {
        'arn:aws:sns:eu-west-1:111111111111:amigo-PROD-notify:00000000-0000-0000-0000-000000000000':
          subscription?.SubscriptionArn ?? '',
      });
      await next(0);
      expect(await amigosSubscription(canary)).toBeUndefined();
      replaceEntry(section);
      await next(0);

      const image = await bake();
      images.ours = image;
      const [copy, ...others] = await copiesIn(canary, image, isOurs);
      expect(others).toEqual([]);
      for (const { KmsKeyId } of copy ? await snapshotsOf(canary, copy) : []) {
        expect(KmsKeyId).not.toBe(amigosKeys.get(canary.id));
      }
      expect(await parameterIn(canary)).toBe(copy?.ImageId);
      await copiesIn(web, image, isAmigos);
      await untilNothingIsAsked(web);
      expect(await findCopies(web, image.imageId)).toHaveLength(1);
      await next(0);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it(
    'leads back',
    async () => {
      const next = steps('The way back');
      await next(0);
      replaceEntry('The way back');
      await next(0);

      const image = await bake();
      await copiesIn(canary, image, isAmigos);
      await untilNothingIsAsked(canary);
      expect((await findCopies(canary, image.imageId)).filter(isAmigos)).toHaveLength(1);
      expect(await findCopies(canary, image.imageId)).toHaveLength(1);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it('keeps the image that a parameter points to, though AMIgo believes it unused', async () => {
    const { first, ours } = images as Required<typeof images>;
    const [unused] = await findCopies(canary, first.imageId);
    const [used] = await findCopies(canary, ours.imageId);
    const next = steps('What AMIgo removes', { 'ami-0123456789abcdef0': used?.ImageId ?? '' });
    await next(0);

    await amigo.housekeep([unused, used].map((copy) => ({ account: canary.id, id: copy?.ImageId ?? '' })));

    await waitFor('the end of the copy that nothing protects', async () =>
      (await findCopies(canary, first.imageId)).length === 0 ? true : undefined,
    );
    expect(await findCopies(canary, ours.imageId)).toHaveLength(1);
    expect(used && (await snapshotsOf(canary, used))).toHaveLength(1);
    expect(await parameterIn(canary)).toBe(used?.ImageId);
    await next(0);
  });

  it('is gone to its end: no command of the document is left out', () => {
    expect(gone.sort()).toEqual(document.sections.sort());
  });
});
