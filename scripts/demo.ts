import { join } from 'node:path';
import { PublishCommand } from '@aws-sdk/client-sns';
import { bakeImage, copyRequestFor, share, type BakedImage } from './bake.ts';
import { buildZip } from './build.ts';
import { findCopies, inspectCopy, type CopyReport } from './copies.ts';
import { applyDemoAccounts, DEMO, severalAccounts } from './demo-accounts.ts';
import { emulatedAccount, type EmulatedAccount } from './emulated-account.ts';
import { runScript } from './entry.ts';
import { openEmulator } from './localstack/emulator.ts';
import { requireTerraform } from './terraform.ts';
import { waitFor } from './wait-for.ts';

const COPY_TIMEOUT_MS = 120_000;
const KEY_ALIAS = 'alias/image-copier';
const [FIRST, SECOND, NOT_ASKED] = DEMO.targetAccounts;
const ASKED = [FIRST, SECOND];
const start = Date.now();

function say(line: string): void {
  console.log(`${`${Math.round((Date.now() - start) / 1000)} s`.padStart(6)}  ${line}`);
}

await runScript(async () => {
  requireTerraform();
  await buildZip(say);
  const emulator = await openEmulator(say);
  const accounts = severalAccounts(emulator.endpoint, join(emulator.workDirectory, 'terraform'));
  const appliedBefore = accounts.hasState();
  try {
    const { requestTopicArn } = await applyDemoAccounts(accounts, say);
    await runDemo(emulator.endpoint, requestTopicArn);
  } finally {
    // An emulator that ran before goes on; only what the demo brought into it goes.
    if (!emulator.ours && !appliedBefore) await accounts.destroy();
    await emulator.close();
    say(emulator.ours ? 'Stopped what the demo started.' : 'The emulator goes on.');
  }
});

async function runDemo(endpoint: string, topicArn: string): Promise<void> {
  const account = (id: string) => emulatedAccount(endpoint, id, DEMO.region);
  const source = account(DEMO.sourceAccount);
  const image = await bakeAndShare(source);
  const Message = JSON.stringify(copyRequestFor(image, DEMO.region, ASKED));
  await source.sns.send(new PublishCommand({ TopicArn: topicArn, Message }));
  say(`Published the copy request for ${ASKED.join(' and ')} on ${topicArn}.`);

  const copied = await Promise.all(ASKED.map((id) => followCopies(account(id), image)));
  const uninvited = await findCopies(account(NOT_ASKED), image.imageId);
  const rows = [
    ...copied.flatMap((reports, index) => reports.map((report) => [ASKED[index] ?? '', ...cells(report)])),
    [NOT_ASKED, ...(uninvited.length === 0 ? ['none, as asked'] : uninvited.map(({ ImageId = '' }) => ImageId))],
  ];
  console.log(`\n${table(['account', 'copy', 'state', 'key alias', 'snapshots encrypted', 'tags complete'], rows)}\n`);
  conclude(copied, uninvited.length);
}

async function bakeAndShare(source: EmulatedAccount): Promise<BakedImage> {
  const stamp = new Date().toISOString().replace(/[-T]/g, '/').replaceAll(':', '-').slice(0, 19);
  const image = await bakeImage(source.ec2, {
    name: `amigo_ubuntu_12_${stamp}`,
    description: 'AMI for ubuntu built by Amigo: #12',
    tags: { BuiltBy: 'amigo', AmigoStage: 'PROD', Name: 'amigo_ubuntu_12', Recipe: 'ubuntu', BuildNumber: '12' },
    volumeSizes: [8, 20],
  });
  await share(source.ec2, image, DEMO.targetAccounts);
  say(
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
      if (states !== told) say(`${account.id}: ${states}`);
      told = states;
      if (copies.length === 0 || copies.some(({ State }) => State === 'pending')) return undefined;
      return await Promise.all(copies.map((copy) => inspectCopy(account, copy, image)));
    },
    COPY_TIMEOUT_MS,
  );
}

function cells({ imageId, state, keyAliases, snapshots, encryptedSnapshots, tagsComplete }: CopyReport): string[] {
  const encrypted = `${encryptedSnapshots} of ${snapshots}`;
  return [imageId, state, keyAliases.join(', '), encrypted, tagsComplete ? 'yes' : 'NO'];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** Says what was shown, and fails the script if anything does not hold. */
function conclude(copied: readonly CopyReport[][], uninvited: number): void {
  const reports = copied.flat();
  const claims: [string, boolean][] = [
    [
      'Each account that was asked has exactly one copy, and it is available.',
      copied.every((c) => c.length === 1) && reports.every(({ state }) => state === 'available'),
    ],
    [
      'Every snapshot is encrypted, under the key of its own account.',
      reports.every((r) => r.snapshots === 2 && r.encryptedSnapshots === 2 && r.keyAliases.join() === KEY_ALIAS),
    ],
    [
      'Copies and snapshots have all tags of the bake, Encrypted and CopiedFromAMI.',
      reports.every(({ tagsComplete }) => tagsComplete),
    ],
    [`Account ${NOT_ASKED}, which could see the image but was not asked, has no copy.`, uninvited === 0],
  ];
  for (const [claim, holds] of claims) console.log(`${holds ? 'proved' : 'FAILED'}  ${claim}`);
  if (claims.every(([, holds]) => holds)) return;
  console.error('Error: the demo did not show what it should. What failed is marked above.');
  process.exitCode = 1;
}
