import { DescribeImagesCommand } from '@aws-sdk/client-ec2';
import { PublishCommand } from '@aws-sdk/client-sns';
import { GetQueueUrlCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { GetParameterCommand, ParameterNotFound } from '@aws-sdk/client-ssm';
import { PUBLISHED_TAG, TARGETS_TAG } from '../../lambda/src/core/source-image.ts';
import { bakeImage, copyRequestFor, share, type BakedImage } from '../tool/common/bake.ts';
import { buildTool, buildZip } from './build.ts';
import { findCopies, tagOf } from '../tool/common/copies.ts';
import { inspectCopy, type CopyReport } from './inspect-copy.ts';
import { DEMO, DemoAccounts, type AppliedAccounts } from './demo-accounts.ts';
import { emulatedAccount, type EmulatedAccount } from './emulated-account.ts';
import { runScript } from './entry.ts';
import { openEmulator } from './localstack/emulator.ts';
import { requireTerraform } from '../tool/deploy/require-terraform.ts';
import { ResultsInbox, type ResultMessage } from '../tool/common/results-inbox.ts';
import { formatTable } from '../tool/common/table.ts';
import { waitFor } from './wait-for.ts';

const COPY_TIMEOUT_MS = 300_000;
const KEY_ALIAS = 'alias/image-copier';
const PARAMETER = '/image-copier/ubuntu';
const [FIRST, SECOND, NOT_ASKED] = DEMO.targetAccounts;
const LATE = DEMO.lateAccount;
const ASKED = [FIRST, SECOND];
const SWEEP = JSON.stringify({ source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} });
const start = Date.now();

function report(line: string): void {
  console.log(`${`${Math.round((Date.now() - start) / 1000)} s`.padStart(6)}  ${line}`);
}

await runScript(async () => {
  await requireTerraform(process.env);
  await buildZip(report);
  await buildTool(report);
  const emulator = await openEmulator(report);
  const accounts = new DemoAccounts(emulator.endpoint, emulator.workDirectory);
  const appliedBefore = accounts.stand;
  try {
    let image: BakedImage | undefined;
    const source = emulatedAccount(emulator.endpoint, DEMO.sourceAccount, DEMO.region);
    // Baked before any target account is there: an account that is deployed later has its copy as well.
    const applied = await accounts.apply(report, async () => {
      image = await bakeAndShare(source);
      await untilPublished(source, image);
    });
    if (!image) throw new Error('The image was not baked.');
    await runDemo(emulator.endpoint, applied, image);
  } finally {
    // An emulator that ran before goes on; only what the demo brought into it goes.
    if (!emulator.ours && !appliedBefore) await accounts.destroy(report);
    await emulator.close();
    report(emulator.ours ? 'Stopped what the demo started.' : 'The emulator goes on.');
  }
});

async function runDemo(
  endpoint: string,
  { requestTopicArn, resultsTopicArn }: AppliedAccounts,
  image: BakedImage,
): Promise<void> {
  const account = (id: string) => emulatedAccount(endpoint, id, DEMO.region);
  const source = account(DEMO.sourceAccount);
  const inbox = await ResultsInbox.open(source, resultsTopicArn);
  try {
    const Message = JSON.stringify(copyRequestFor(image, DEMO.region, ASKED));
    await source.sns.send(new PublishCommand({ TopicArn: requestTopicArn, Message }));
    report(`Published the copy request for ${ASKED.join(' and ')} on ${requestTopicArn}.`);

    const copied = await Promise.all(ASKED.map((id) => followCopies(account(id), image)));
    const announced = await untilAnnounced(inbox, image);
    const parameters = await Promise.all(ASKED.map((id) => imageOfParameter(account(id))));
    const uninvited = await findCopies(account(NOT_ASKED), image.imageId);
    const late = await sweepAccount(account(LATE), image);
    const rows = [
      ...copied.flatMap((reports, index) =>
        reports.map((copy) => [ASKED[index] ?? '', ...cells(copy), parameters[index] ?? 'none']),
      ),
      ...late.copies.map((copy) => [LATE, ...cells(copy), late.parameter ?? 'none']),
      [NOT_ASKED, uninvited.map(({ ImageId = '' }) => ImageId).join(', ') || 'none, as asked', '', '', '', '', ''],
    ];
    const head = ['ACCOUNT', 'COPY', 'STATE', 'KEY ALIAS', 'SNAPSHOTS ENCRYPTED', 'TAGS COMPLETE', PARAMETER];
    console.log(`\n${formatTable(head, rows, undefined)}\n`);
    conclude(copied, announced, parameters, uninvited.length, late);
  } finally {
    await inbox.close();
  }
}

/** What an account has that nobody asked. */
interface LateAccount {
  readonly copies: readonly CopyReport[];
  readonly parameter: string | undefined;
}

/** Lets an account look for what is shared with it, and follows what it copies by itself. */
async function sweepAccount(account: EmulatedAccount, image: BakedImage): Promise<LateAccount> {
  const QueueName = 'image-copier-settle.fifo';
  const { QueueUrl } = await account.sqs.send(new GetQueueUrlCommand({ QueueName }));
  await account.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: SWEEP, MessageGroupId: 'settle' }));
  report(`${LATE}: its sweep, which comes every 15 minutes, begins now.`);
  const copies = await followCopies(account, image);
  const parameter = await waitFor(`the parameter in ${LATE}`, async () => {
    return await imageOfParameter(account).catch((error: unknown) => {
      if (error instanceof ParameterNotFound) return undefined;
      throw error;
    });
  });
  return { copies, parameter };
}

/** Waits until the publisher has noted on the image that it is done. */
async function untilPublished({ ec2 }: EmulatedAccount, { imageId }: BakedImage): Promise<void> {
  await waitFor('the publisher', async () => {
    const { Images = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
    return Images.some((each) => tagOf(each, PUBLISHED_TAG) !== undefined) || undefined;
  });
  report(`The publisher has shared it with ${LATE} too, by its tag ${TARGETS_TAG}=${DEMO.lateLabel}.`);
}

/** Waits until every account that was asked has told how its copy ended. */
async function untilAnnounced(inbox: ResultsInbox, image: BakedImage): Promise<readonly ResultMessage[]> {
  const results: ResultMessage[] = [];
  const announced = await waitFor('the results', async () => {
    results.push(...(await inbox.receive()).filter(({ detail }) => detail.sourceAmi === image.imageId));
    return new Set(results.map(({ detail }) => detail.account)).size === ASKED.length ? results : undefined;
  });
  for (const { detail, 'detail-type': type } of announced) report(`${detail.account}: announced "${type}"`);
  return announced;
}

async function imageOfParameter({ ssm }: EmulatedAccount): Promise<string | undefined> {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: PARAMETER }));
  return Parameter?.Value;
}

async function bakeAndShare(source: EmulatedAccount): Promise<BakedImage> {
  const stamp = new Date().toISOString().replace(/[-T]/g, '/').replaceAll(':', '-').slice(0, 19);
  const tags = {
    BuiltBy: 'amigo',
    AmigoStage: 'PROD',
    Name: 'amigo_ubuntu_12',
    Recipe: 'ubuntu',
    BuildNumber: '12',
  };
  const baked = await bakeImage(source.ec2, {
    name: `amigo_ubuntu_12_${stamp}`,
    description: 'AMI for ubuntu built by Amigo: #12',
    tags: { ...tags, [TARGETS_TAG]: DEMO.lateLabel },
    volumeSizes: [8, 20],
  });
  // What copies get: the tag that says whom an image is for is no tag of theirs.
  const image = { ...baked, tags };
  await share(source.ec2, image, DEMO.targetAccounts);
  report(
    `Baked ${image.imageId} with ${image.snapshotIds.length} snapshots, not encrypted, and shared it with all three.`,
  );
  return image;
}

/** Tells each change until the account's copies have ended. */
async function followCopies(account: EmulatedAccount, image: BakedImage): Promise<CopyReport[]> {
  let told = '';
  return await waitFor(
    `the copy in ${account.id}`,
    async () => {
      const copies = await findCopies(account, image.imageId);
      const states = copies.map(({ ImageId = '', State = '' }) => `${ImageId} is ${State}`).join(', ');
      if (states !== told) report(`${account.id}: ${states}`);
      told = states;
      if (copies.length === 0 || copies.some(({ State }) => State === 'pending')) return undefined;
      return await Promise.all(copies.map((copy) => inspectCopy(account, copy, image)));
    },
    { timeoutMs: COPY_TIMEOUT_MS },
  );
}

function cells({ imageId, state, keyAliases, snapshots, encryptedSnapshots, tagsComplete }: CopyReport): string[] {
  const encrypted = `${encryptedSnapshots} of ${snapshots}`;
  return [imageId, state, keyAliases.join(', '), encrypted, tagsComplete ? 'yes' : 'NO'];
}

/** Says what was shown, and fails the script if anything does not hold. */
function conclude(
  copied: readonly CopyReport[][],
  announced: readonly ResultMessage[],
  parameters: readonly (string | undefined)[],
  uninvited: number,
  late: LateAccount,
): void {
  const asked = copied.flat();
  const copies = asked.map(({ imageId }) => imageId);
  const reports = [...asked, ...late.copies];
  const claims: [string, boolean][] = [
    [
      'Each account that was asked has exactly one copy, and it is available.',
      copied.every((c) => c.length === 1) && asked.every(({ state }) => state === 'available'),
    ],
    [
      'Every snapshot is encrypted, under the key of its own account.',
      reports.every((r) => r.snapshots === 2 && r.encryptedSnapshots === 2 && r.keyAliases.join() === KEY_ALIAS),
    ],
    [
      'Copies and snapshots have all tags of the bake, Encrypted and CopiedFromAMI.',
      reports.every(({ tagsComplete }) => tagsComplete),
    ],
    [
      'Each copy was announced once, as "Image Copied", on the results topic of the source account.',
      announced.every((result) => result['detail-type'] === 'Image Copied') &&
        sameItems(
          announced.map(({ detail }) => detail.imageId),
          copies,
        ),
    ],
    [`In each account the parameter ${PARAMETER} points to its copy.`, sameItems(parameters, copies)],
    [`Account ${NOT_ASKED}, which could see the image but was not asked, has no copy.`, uninvited === 0],
    [
      `Account ${LATE}, deployed after the bake, has its copy too: no request reached it, the image's tag says that it is wanted.`,
      late.copies.length === 1 &&
        late.copies.every(({ state, imageId }) => state === 'available' && imageId === late.parameter),
    ],
  ];
  for (const [claim, holds] of claims) console.log(`${holds ? 'proved' : 'FAILED'}  ${claim}`);
  if (claims.every(([, holds]) => holds)) return;
  console.error('Error: the demo did not show what it should. What failed is marked above.');
  process.exitCode = 1;
}

function sameItems(found: readonly unknown[], expected: readonly string[]): boolean {
  return JSON.stringify(found.toSorted()) === JSON.stringify(expected.toSorted());
}
