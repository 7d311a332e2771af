import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
} from '@aws-sdk/client-ec2';
import { ListSubscriptionsByTopicCommand } from '@aws-sdk/client-sns';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import type { Finding } from '../../../tool/doctor/finding.ts';
import { FakeAws } from '../support/fake-aws.ts';
import { run } from '../support/run.ts';
import { ACCOUNT, queuePolicy, SOURCE, TOPIC } from './facts.ts';
import { answer, healthyCopier, type CopierAnswers } from './healthy-copier.ts';

const IMAGE = 'ami-0123456789abcdef0';
const SNAPSHOT = 'snap-0123456789abcdef0';
const WEB = '333333333333';
const ARGS = ['doctor', '--json', '--image', IMAGE];

let folder: string;
let accountsFile: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'doctor-'));
  accountsFile = join(folder, 'fleet.yaml');
  const accounts = [
    { id: ACCOUNT, name: 'payments' },
    { id: WEB, name: 'web' },
  ];
  const defaults = { regions: ['eu-west-1'], roleName: 'operator' };
  const topic = TOPIC.split(':').at(-1);
  writeFileSync(accountsFile, stringify({ source: { id: SOURCE }, topic, defaults, accounts }));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Both accounts of the file, and a source account that has shared the image with these. */
function awsWith({
  sharedWith = [ACCOUNT, WEB],
  change = () => undefined,
}: { sharedWith?: readonly string[]; change?: (copier: CopierAnswers) => void } = {}): FakeAws {
  const aws = new FakeAws();
  const Images = [
    {
      ImageId: IMAGE,
      OwnerId: SOURCE,
      State: 'available' as const,
      BlockDeviceMappings: [{ DeviceName: '/dev/sda1', Ebs: { SnapshotId: SNAPSHOT } }],
    },
  ];
  const Snapshots = [{ SnapshotId: SNAPSHOT }];
  for (const accountId of [ACCOUNT, WEB]) {
    const copier = healthyCopier(accountId);
    change(copier);
    answer(aws.in(accountId), copier);
    const { ec2 } = aws.in(accountId);
    ec2.on(DescribeImagesCommand, { ImageIds: [IMAGE] }).resolves({ Images });
    ec2.on(DescribeSnapshotsCommand).resolves({ Snapshots });
  }
  const { ec2 } = aws.in(SOURCE);
  const users = sharedWith.map((UserId) => ({ UserId }));
  ec2.on(DescribeImagesCommand, { ImageIds: [IMAGE] }).resolves({ Images });
  ec2.on(DescribeSnapshotsCommand, { SnapshotIds: [SNAPSHOT] }).resolves({ Snapshots });
  ec2
    .on(DescribeImageAttributeCommand, { ImageId: IMAGE, Attribute: 'launchPermission' })
    .resolves({ LaunchPermissions: users });
  ec2
    .on(DescribeSnapshotAttributeCommand, { SnapshotId: SNAPSHOT, Attribute: 'createVolumePermission' })
    .resolves({ CreateVolumePermissions: users });
  return aws;
}

async function examined(aws: FakeAws) {
  const { code, out, err } = await run([...ARGS, '--accounts-file', accountsFile], { aws });
  return { code, err, rows: JSON.parse(out) as { account: string; findings: readonly Finding[] }[] };
}

describe('the source account', () => {
  it('is asked about an image once, for all accounts', async () => {
    const aws = awsWith();

    const { code, err, rows } = await examined(aws);

    expect({ code, err, rows }).toMatchObject({
      code: 0,
      err: '',
      rows: [
        { account: 'payments', accountId: ACCOUNT, findings: [] },
        { account: 'web', accountId: WEB, findings: [] },
      ],
    });
    expect(
      aws
        .in(SOURCE)
        .ec2.calls()
        .map(({ args: [command] }) => command.constructor.name),
    ).toEqual([
      'DescribeImagesCommand',
      'DescribeImageAttributeCommand',
      'DescribeSnapshotsCommand',
      'DescribeSnapshotAttributeCommand',
    ]);
  });

  it('tells which account it has not shared a snapshot with', async () => {
    const { code, rows } = await examined(awsWith({ sharedWith: [WEB] }));

    expect(code).toBe(1);
    expect(rows).toMatchObject([
      {
        account: 'payments',
        findings: [
          {
            code: 'SnapshotNotShared',
            what: `The account has no createVolumePermission for ${SNAPSHOT}.`,
            fix: 'Share the image and its snapshots with the account, and ask for the copy.',
            commands: [
              `image-copier request ${IMAGE} --share --accounts-file ${accountsFile} --only payments --region eu-west-1`,
            ],
          },
        ],
      },
      { account: 'web', findings: [] },
    ]);
  });

  it('is asked in each Region of the file where the image is, and each account whether it can copy it from there', async () => {
    const aws = awsWith();
    const inTwo = join(folder, 'two-regions.yaml');
    const text = readFileSync(accountsFile, 'utf8').replace('  - eu-west-1\n', '  - eu-west-1\n    - us-east-1\n');
    writeFileSync(inTwo, text);
    for (const accountId of [ACCOUNT, WEB]) answer(aws.in(accountId, 'us-east-1'), healthyCopier(accountId));
    const inEurope = { IncludeDisabled: true, Filters: [{ Name: 'image-id', Values: [IMAGE] }] };
    aws
      .in(SOURCE)
      .ec2.on(DescribeImagesCommand, inEurope)
      .resolves({ Images: [{ ImageId: IMAGE }] });
    aws.in(SOURCE, 'us-east-1').ec2.on(DescribeImagesCommand).resolves({ Images: [] });

    const { out } = await run([...ARGS, '--accounts-file', inTwo], { aws });

    const rows = JSON.parse(out) as { region: string; findings: readonly Finding[] }[];
    const about = rows.map(({ region, findings }) => [region, findings.filter(({ subject }) => subject === IMAGE)]);
    expect(about).toEqual([
      ['eu-west-1', []],
      ['us-east-1', []],
      ['eu-west-1', []],
      ['us-east-1', []],
    ]);
    expect(aws.in(SOURCE, 'us-east-1').ec2.commandCalls(DescribeImagesCommand)).toHaveLength(1);
  });

  it('is asked once for the subscriptions that it made, where accounts have none of their own', async () => {
    const aws = awsWith({ change: (copier) => (copier.subscriptions = []) });
    const subscriptions = [ACCOUNT, WEB].flatMap((accountId) => healthyCopier(accountId).subscriptions);
    aws
      .in(SOURCE)
      .sns.on(ListSubscriptionsByTopicCommand, { TopicArn: TOPIC })
      .resolves({ Subscriptions: subscriptions.slice(0, 1), NextToken: 'more' })
      .on(ListSubscriptionsByTopicCommand, { NextToken: 'more' })
      .resolves({ Subscriptions: subscriptions.slice(1) });

    const { rows } = await examined(aws);

    expect(rows).toMatchObject([{ findings: [] }, { findings: [] }]);
    expect(aws.in(SOURCE).sns.commandCalls(ListSubscriptionsByTopicCommand)).toHaveLength(2);
  });

  it("says what the policy of another system's topic must allow", async () => {
    const file = join(folder, 'amigo.yaml');
    const text = readFileSync(accountsFile, 'utf8');
    writeFileSync(
      file,
      stringify({ ...(parse(text) as object), source: { id: SOURCE, existingTopics: ['eu-west-1'] } }),
    );
    const aws = awsWith({ change: (copier) => (copier.subscriptions = []) });
    aws.in(SOURCE).sns.on(ListSubscriptionsByTopicCommand).resolves({ Subscriptions: [] });

    const { out } = await run([...ARGS, '--accounts-file', file], { aws });

    const fix = expect.stringContaining(
      "Let the topic's own policy allow sns:Subscribe to the account: AMIgo sees to it",
    );
    expect(JSON.parse(out)).toMatchObject([
      { findings: [{ code: 'NoSubscription', fix }] },
      { findings: [{ code: 'NoSubscription', fix }] },
    ]);
  });

  it('is deployed too for an account that does not hear the topic: its policy may not list the account', async () => {
    const aws = awsWith({ change: (copier) => (copier.subscriptions = []) });
    aws.in(SOURCE).sns.on(ListSubscriptionsByTopicCommand).resolves({ Subscriptions: [] });

    const { rows } = await examined(aws);

    const deploy = (account: string) => `image-copier deploy --accounts-file ${accountsFile} --only source,${account}`;
    expect(rows.map(({ findings }) => findings)).toMatchObject([
      [{ code: 'NoSubscription', commands: [deploy('payments')] }],
      [{ code: 'NoSubscription', commands: [deploy('web')] }],
    ]);
  });

  it('names the topic whatever the policy of the queue names, and the owner whom Allowed AMIs must admit', async () => {
    const change = (copier: CopierAnswers) => {
      copier.queues.requests.attributes.Policy = JSON.stringify(queuePolicy('sns.amazonaws.com', `${TOPIC}-old`));
      copier.subscriptions = copier.subscriptions.map((each) => ({ ...each, TopicArn: `${TOPIC}-old` }));
      copier.functions.copyImage.configuration.Environment = {
        Variables: { KMS_KEY_ARN: copier.key.metadata.Arn ?? '', RETRY_SECONDS: '21600' },
      };
      copier.allowedImages = { State: 'enabled', ImageCriteria: [{ ImageProviders: ['amazon'] }] };
    };
    const aws = awsWith({ change });
    aws.in(SOURCE).sns.on(ListSubscriptionsByTopicCommand).resolves({ Subscriptions: [] });

    const { rows } = await examined(aws);

    const expected = [
      { code: 'NoSubscription', subject: TOPIC },
      { code: 'TopicMayNotSend', what: `The queue's policy does not let ${TOPIC} send to it.` },
      { code: 'AllowedImagesLeaveOut', what: `The criteria leave out ${SOURCE}, whose images are to be copied.` },
    ];
    expect(rows.map(({ findings }) => findings)).toMatchObject([expected, expected]);
  });

  it('tells that an image is shared which Allowed AMIs hide', async () => {
    const change = (copier: CopierAnswers) => {
      copier.allowedImages = { State: 'enabled', ImageCriteria: [{ ImageProviders: ['amazon'] }] };
    };
    const aws = awsWith({ change });
    aws
      .in(WEB)
      .ec2.on(DescribeImagesCommand, { ImageIds: [IMAGE] })
      .resolves({ Images: [] });

    const { rows } = await examined(aws);

    const leftOut = { code: 'AllowedImagesLeaveOut' };
    const hidden = { code: 'ImageHidden', fix: 'Fix AllowedImagesLeaveOut.' };
    expect(rows.map(({ findings }) => findings)).toMatchObject([[leftOut], [leftOut, hidden]]);
  });

  it('stops nothing when it cannot be read', async () => {
    const aws = awsWith({ change: (copier) => (copier.subscriptions = []) });
    const expired = Object.assign(new Error('expired'), { name: 'ExpiredToken' });
    aws.in(SOURCE).ec2.on(DescribeImagesCommand).rejects(expired);
    aws.in(SOURCE).sns.on(ListSubscriptionsByTopicCommand).rejects(expired);

    const { err, rows } = await examined(aws);

    const unread = 'The AWS credentials have expired. Log in again (for example aws sso login).';
    const expected = [
      { code: 'NoSubscription' },
      { code: 'ImageOwnerUnread', what: `The source account could not be asked about the image. ${unread}` },
    ];
    expect(err).toBe('');
    expect(rows.map(({ findings }) => findings)).toMatchObject([expected, expected]);
  });
});

describe('the fix of a finding', () => {
  const withoutRule = (copier: CopierAnswers) => {
    for (const rule of copier.rules) rule.targetArns = [];
  };

  it('deploys the account of the accounts file again', async () => {
    const { rows } = await examined(awsWith({ change: withoutRule }));

    expect(rows.map(({ findings }) => findings.map(({ commands }) => commands))).toEqual(
      ['payments', 'web'].map((name) =>
        Array.from({ length: 3 }, () => [`image-copier deploy --accounts-file ${accountsFile} --only ${name}`]),
      ),
    );
  });

  it('applies the module again where there is no accounts file', async () => {
    const aws = awsWith({ change: withoutRule });
    const args = ['doctor', '--json', '--accounts', ACCOUNT, '--role-name', 'operator'];
    const [row] = JSON.parse((await run(args, { aws })).out) as { findings: readonly Finding[] }[];

    expect(row?.findings).toMatchObject([
      { code: 'RuleWithoutTarget', fix: 'Apply Terraform again (module image-copier).', commands: [] },
      { code: 'RuleWithoutTarget', fix: 'Apply Terraform again (module image-copier).', commands: [] },
      { code: 'RuleWithoutTarget', fix: 'Apply Terraform again (module image-copier).', commands: [] },
    ]);
  });
});
