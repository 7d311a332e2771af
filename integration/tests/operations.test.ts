import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CreateTagsCommand, DescribeImagesCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { DescribeKeyCommand, DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import { PublishCommand } from '@aws-sdk/client-sns';
import { GetQueueUrlCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { parse, stringify } from 'yaml';
import { SsmImageParameters } from '../../lambda/src/adapters/ssm-image-parameters.ts';
import { bakeImage, copyRequestFor, share, shareImage, type BakedImage } from '../../scripts/tool/common/bake.ts';
import { findCopies, isAnnounced } from '../../scripts/tool/common/copies.ts';
import { makeAdministratorRoles, OPERATORS_ACCOUNT } from '../../scripts/dev/administrator-role.ts';
import {
  emulatedAccount,
  emulatedEnvironment,
  withoutAws,
  type EmulatedAccount,
} from '../../scripts/dev/emulated-account.ts';
import { CACHE } from '../../scripts/tool/common/paths.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { startCommand } from './support/command.ts';
import { endpoint, newAccountId, REGION, refuseCopies } from './support/emulator.ts';
import { following as follow } from './support/follow.ts';
import { leaveAccount } from './support/leave-account.ts';
import { Runbook } from './support/runbook.ts';
import { untilAlarm } from './support/until-alarm.ts';

const DEPLOY_TIMEOUT_MS = 900_000;
const TOPIC = 'amigo-PROD-notify';
const [source, canary, payments, web] = [0, 1, 2, 3].map(() => emulatedAccount(endpoint(), newAccountId(), REGION)) as [
  EmulatedAccount,
  EmulatedAccount,
  EmulatedAccount,
  EmulatedAccount,
];
const folder = join(CACHE, 'test', 'operations', source.id);
const environment = { ...withoutAws(), ...emulatedEnvironment(endpoint(), OPERATORS_ACCOUNT, REGION) };
const runbook = new Runbook('docs/operations.md', folder, environment);

const ACCOUNTS = {
  '111111111111': source.id,
  '222222222222': canary.id,
  '333333333333': payments.id,
  '444444444444': web.id,
};

function writeAccounts(...listed: readonly [string, EmulatedAccount, object?][]): void {
  const file = {
    source: { id: source.id },
    topic: TOPIC,
    defaults: { regions: [REGION], roleName: 'operator', inputs: { deletion_protection: false } },
    accounts: listed.map(([name, { id }, inputs]) => ({ name, id, ...(inputs && { inputs }) })),
  };
  writeFileSync(join(folder, 'accounts.yaml'), stringify(file));
}

/** Gives what `deploy` says beside its results. */
async function deploy(...args: string[]): Promise<string> {
  const place = ['--accounts-file', join(folder, 'accounts.yaml'), '--out', join(folder, '.image-copier')];
  const { code, stderr } = await startCommand(['deploy', ...args, ...place], environment).ended;
  if (code !== 0) throw new Error(`deploy ${args.join(' ')} ended with ${code ?? 'no code'}: ${stderr}`);
  return stderr;
}

let bakes = 0;

/** In a second of its own: EC2 tells the time of an image in whole seconds. */
async function bake(recipe: string): Promise<BakedImage> {
  bakes += 1;
  const image = await bakeImage(source.ec2, {
    name: `${recipe}-${bakes}`,
    description: '',
    tags: { Recipe: recipe },
    volumeSizes: [8],
  });
  const second = Math.floor(Date.now() / 1000);
  await waitFor('the next second', () => Promise.resolve(Date.now() / 1000 >= second + 1 ? true : undefined));
  return image;
}

async function ask(image: BakedImage, ...targets: EmulatedAccount[]): Promise<void> {
  const Message = JSON.stringify(
    copyRequestFor(
      image,
      REGION,
      targets.map(({ id }) => id),
    ),
  );
  await source.sns.send(new PublishCommand({ TopicArn: `arn:aws:sns:${REGION}:${source.id}:${TOPIC}`, Message }));
}

async function untilCopied(image: BakedImage, ...targets: EmulatedAccount[]): Promise<void> {
  for (const target of targets) {
    await waitFor(
      `the copy in ${target.id}`,
      async () =>
        (await findCopies(target, image.imageId)).some((copy) => isAnnounced(copy, 'image-copier')) ? true : undefined,
      { timeoutMs: 300_000 },
    );
  }
}

/** Before that doctor has a note less. */
async function untilNoSweepIsNoted(account: EmulatedAccount): Promise<void> {
  await untilAlarm(account, 'image-copier-no-sweep');
}

const following = (section: string, image?: Pick<BakedImage, 'imageId'>) =>
  follow(runbook, section, { ...ACCOUNTS, ...(image && { 'ami-0123456789abcdef0': image.imageId }) });

/** The inputs of payments that the runbook shows. */
function shownInputs(section: string): object {
  const [, shown = ''] = /```yaml\n([^`]*)```/.exec(runbook.textOf(section)) ?? [];
  const { accounts } = parse(shown) as { accounts: { name: string; inputs?: object }[] };
  return accounts.find(({ name }) => name === 'payments')?.inputs ?? {};
}

async function copyIn(account: EmulatedAccount, { imageId }: BakedImage): Promise<string> {
  const [copy] = await findCopies(account, imageId);
  return copy?.ImageId ?? 'none';
}

/** Points a channel of rocky to an image. */
async function promote(...args: string[]): Promise<void> {
  const place = ['--accounts-file', join(folder, 'accounts.yaml'), '--yes'];
  const { code, stderr } = await startCommand(['promote', 'rocky', ...args, ...place], environment).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}

/** Begins the look at copies that a rule begins every 15 minutes. */
async function sweepCopies({ sqs }: EmulatedAccount): Promise<void> {
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: 'image-copier-settle.fifo' }));
  const MessageBody = JSON.stringify({ source: 'aws.events', 'detail-type': 'Scheduled Event' });
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageGroupId: 'settle' }));
}

/** Begins the look that a rule begins once a day. */
async function lookForEnds({ sqs }: EmulatedAccount): Promise<void> {
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: 'image-copier-retirements' }));
  const MessageBody = JSON.stringify({ source: 'aws.events', 'detail-type': 'Scheduled Event' });
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
}

async function untilDisabled({ ec2 }: EmulatedAccount, imageId: string): Promise<void> {
  await waitFor(`the end of ${imageId}`, async () => {
    const { Images = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId], IncludeDisabled: true }));
    return Images.some(({ State }) => State === 'disabled') ? true : undefined;
  });
}

async function launch({ ec2 }: EmulatedAccount, ImageId: string): Promise<string> {
  const { Instances: [instance] = [] } = await ec2.send(
    new RunInstancesCommand({ ImageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 }),
  );
  return instance?.InstanceId ?? 'none';
}

async function parameterIn({ ssm }: EmulatedAccount, recipe: string): Promise<string | undefined> {
  return await new SsmImageParameters(ssm, '/image-copier').get(`/image-copier/${recipe}`);
}

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  await makeAdministratorRoles(endpoint(), 'operator', Object.values(ACCOUNTS));
  writeAccounts(['canary', canary], ['payments', payments]);
  await deploy();
  await untilNoSweepIsNoted(payments);
}, DEPLOY_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([source, canary, payments, web].map(leaveAccount));
  rmSync(folder, { recursive: true });
});

describe('the runbook', () => {
  /** The image that an account misses, which another misses later. */
  let first: BakedImage;

  it('finds a copy that is missing, and why, and makes up for it', async () => {
    first = await bake('ubuntu');
    await share(source.ec2, first, [canary.id]);
    await shareImage(source.ec2, first, [payments.id]);
    await ask(first, canary);
    await untilCopied(first, canary);
    const next = following('A copy is missing', first);

    await next(1);
    await next(1);
    await next(0);
    await untilCopied(first, payments);
    expect(await next(0)).toEqual({ isLast: true });
  });

  // Before there is a dead letter: the alarm that counts them lags behind by minutes, and doctor tells of it.
  it('tells of the first copy that fails, and names a key that was disabled', async () => {
    const image = await bake('alpine');
    await share(source.ec2, image, [payments.id]);
    const { KeyMetadata } = await payments.kms.send(new DescribeKeyCommand({ KeyId: 'alias/image-copier' }));
    const KeyId = KeyMetadata?.KeyId;
    await payments.kms.send(new DisableKeyCommand({ KeyId }));
    try {
      await ask(image, payments);
      const shown = 'f3bbc291-6f01-4cf0-9f3c-f8f820f2d3e5';
      const next = follow(runbook, 'A key was disabled', { ...ACCOUNTS, [shown]: KeyId ?? '' });

      await waitFor('the first copy to fail', async () => {
        const place = ['--accounts-file', join(folder, 'accounts.yaml'), '--only', 'payments'];
        const { stdout } = await startCommand(['status', ...place, '--recipe', 'alpine'], environment).ended;
        return stdout.includes('next try in') ? true : undefined;
      });
      await next(0);
      await next(1);
      expect(await next(0)).toEqual({ isLast: true });
      const { KeyMetadata: mended } = await payments.kms.send(new DescribeKeyCommand({ KeyId }));
      expect(mended?.KeyState).toBe('Enabled');
    } finally {
      await payments.kms.send(new EnableKeyCommand({ KeyId }));
    }
  });

  it('puts back a request whose cause is fixed', async () => {
    const image = await bake('debian');
    await share(source.ec2, image, [canary.id, payments.id]);
    const fix = await refuseCopies(payments.id);
    await ask(image, canary, payments);
    await untilCopied(image, canary);
    const isRefused = async () => {
      const { stdout } = await startCommand(
        ['dead-letters', 'list', '--role-arn', `arn:aws:iam::${payments.id}:role/operator`, '--region', REGION],
        environment,
      ).ended;
      return stdout.includes(image.imageId) ? true : undefined;
    };
    await waitFor('the dead letter', isRefused, { timeoutMs: 300_000 });
    const next = following('The alarm dead-letters fired', image);

    await next(0);
    await fix();
    await next(0);
    await untilCopied(image, payments);
    expect(await next(0)).toEqual({ isLast: true });
  });

  it(
    'brings an account up that was added',
    async () => {
      writeAccounts(['canary', canary], ['payments', payments], ['web', web]);
      expect(await deploy('--plan', '--only', 'web,canary')).toContain(
        `The topic ${TOPIC} in ${REGION} does not let web subscribe: deploy source as well, `,
      );
      const next = following('An account was added');

      await next(0);
      await untilNoSweepIsNoted(web);
      await next(0);
      expect(await next(0)).toEqual({ isLast: true });
      await untilCopied(first, web);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it('sets a recipe back after a bad image', async () => {
    const image = await bake('ubuntu');
    await share(source.ec2, image, [canary.id, payments.id, web.id]);
    await ask(image, canary, payments, web);
    await untilCopied(image, canary, payments, web);
    const next = following('A bad image went out');

    await next(0);
    expect(await next(0)).toEqual({ isLast: true });
  });

  it('promotes an image once each account has its copy, and goes back', async () => {
    const [before, image] = [await bake('rocky'), await bake('rocky')];
    await share(source.ec2, before, [canary.id, payments.id, web.id]);
    await ask(before, canary, payments, web);
    await share(source.ec2, image, [canary.id, payments.id]);
    await ask(image, canary, payments);
    await untilCopied(before, canary, payments, web);
    await untilCopied(image, canary, payments);
    await promote('--to', 'prod', '--image', before.imageId);
    await promote('--to', 'canary', '--image', image.imageId, '--only', 'canary');
    const next = following('A promotion', image);

    await next(1);
    await next(0);
    await next(0);
    const prod = 'rocky/channels/prod';
    for (const account of [canary, payments, web]) {
      expect(await parameterIn(account, prod)).toBe(await copyIn(account, image));
    }
    await next(0);
    expect(await next(0)).toEqual({ isLast: true });
    for (const account of [canary, payments, web]) {
      expect(await parameterIn(account, prod)).toBe(await copyIn(account, before));
    }
  });

  /** Five images of a recipe, of which payments has copies, the oldest first. */
  const fedora: BakedImage[] = [];
  let fedoraCopies: string[] = [];

  it(
    'switches retention on',
    async () => {
      for (let count = 0; count < 5; count += 1) fedora.push(await bake('fedora'));
      for (const image of fedora) {
        await share(source.ec2, image, [payments.id]);
        await ask(image, payments);
      }
      for (const image of fedora) await untilCopied(image, payments);
      fedoraCopies = await Promise.all(fedora.map((image) => copyIn(payments, image)));
      const [oldest = '', older = ''] = fedoraCopies;
      const Tags = [{ Key: 'keep', Value: 'load-test' }];
      await payments.ec2.send(new CreateTagsCommand({ Resources: [older], Tags }));
      const section = 'Retention is switched on';
      writeAccounts(['canary', canary], ['payments', payments, shownInputs(section)], ['web', web]);
      const next = following(section);

      await next(0);
      await next(0);
      await lookForEnds(payments);
      await untilDisabled(payments, oldest);
      expect(await next(0)).toEqual({ isLast: true });
    },
    DEPLOY_TIMEOUT_MS,
  );

  it('takes an image once what keeps it is gone', async () => {
    const [, copy = ''] = fedoraCopies;
    const names = { ...ACCOUNTS, 'ami-0123456789abcdef0': fedora[1]?.imageId ?? '', 'ami-4316d45e794ba9d54': copy };
    const next = follow(runbook, 'An image is kept although it should go', names);

    await next(1);
    await next(0);
    await lookForEnds(payments);
    await untilDisabled(payments, copy);
    expect(await next(0)).toEqual({ isLast: true });
  });

  it('brings an image back whose launch failed in quarantine', async () => {
    const [imageId = ''] = fedoraCopies;
    await expect(launch(payments, imageId)).rejects.toMatchObject({ name: 'InvalidAMIID.Unavailable' });
    const next = following('A launch of a retired image failed', { imageId });

    await next(0);
    expect(await launch(payments, imageId)).toMatch(/^i-/);
    expect(await next(0)).toEqual({ isLast: true });
  });

  it('revokes an image everywhere, and takes that back', async () => {
    const [before = '', copy = ''] = fedoraCopies.slice(-2);
    const running = await launch(payments, copy);
    const names = {
      ...ACCOUNTS,
      'ami-0123456789abcdef0': fedora.at(-1)?.imageId ?? '',
      'i-0123456789abcdef0': running,
    };
    const next = follow(runbook, 'An image is revoked', names);

    await next(0);
    expect(await parameterIn(payments, 'fedora')).toBe(before);
    await expect(launch(payments, copy)).rejects.toMatchObject({ name: 'InvalidAMIID.Unavailable' });
    expect(await next(1)).toEqual({ isLast: true });

    const back = follow(runbook, 'A revocation is undone', names);
    await back(0);
    expect(await parameterIn(payments, 'fedora')).toBe(copy);
    expect(await back(0)).toEqual({ isLast: true });
  });

  it(
    'opens a gate',
    async () => {
      const section = 'A gate does not open';
      writeAccounts(['canary', canary], ['payments', payments, shownInputs(section)], ['web', web]);
      await deploy('--only', 'payments');
      const image = await bake('gentoo');
      await share(source.ec2, image, [payments.id]);
      await ask(image, payments);
      await untilCopied(image, payments);
      const next = following(section, image);

      await next(0);
      await next(0);
      await sweepCopies(payments);
      const copy = await copyIn(payments, image);
      await waitFor('the parameter', async () => (await parameterIn(payments, 'gentoo')) === copy || undefined);
      expect(await next(0)).toEqual({ isLast: true });
    },
    DEPLOY_TIMEOUT_MS,
  );
});
