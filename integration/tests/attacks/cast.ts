import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import type { Image } from '@aws-sdk/client-ec2';
import { PublishCommand } from '@aws-sdk/client-sns';
import { MARKER } from '../../../lambda/src/core/copy-marker.ts';
import { bakeImage, copyRequestFor, share, type BakedImage } from '../../../scripts/tool/common/bake.ts';
import { findCopies, isAnnounced, snapshotsOf } from '../../../scripts/tool/common/copies.ts';
import { makeAdministratorRoles } from '../../../scripts/dev/administrator-role.ts';
import { emulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { renderPolicies } from '../../../scripts/dev/permissions.ts';
import { ROOT } from '../../../scripts/tool/common/paths.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { DeployedAccounts } from '../several-accounts/deployed-accounts.ts';
import { endpoint, newAccountId, REGION } from '../support/emulator.ts';
import { leaveAccount } from '../support/leave-account.ts';
import { makeOperatorsRole } from '../support/operators-role.ts';
import { functionOf, roleOf, type Identity } from './identity.ts';

const DEPLOY_TIMEOUT_MS = 900_000;
export const ADMINISTRATOR = 'operator';
export const ZIP = readFileSync(join(ROOT, 'lambda', 'dist', 'image-copier.zip'));

export const accounts = new DeployedAccounts();
const { source, canary: target, payments: neighbour } = accounts;
/** An account that the source account does not list. */
const elsewhere = emulatedAccount(endpoint(), newAccountId(), REGION);

export const stranger = roleOf('stranger', elsewhere.id, ADMINISTRATOR);
export const listed = roleOf('listed account', neighbour.id, ADMINISTRATOR);
export const administrator = roleOf('administrator', target.id, ADMINISTRATOR);
export const sourceAdministrator = roleOf('source administrator', source.id, ADMINISTRATOR);
export const copyImage = functionOf('copy-image', administrator);
export const settleCopy = functionOf('settle-copy', administrator);
export const retireImage = functionOf('retire-image', administrator);
export const reader = roleOf('reader', target.id, 'reader');
export const sourceReader = roleOf('reader', source.id, 'reader');
/** A role of the target account that has to do with EC2 and Parameter Store, and not with the copier. */
export const colleague = roleOf('colleague', target.id, 'colleague');

/** An image that the source account shares, its copy in the target account, and an image that a stranger shares. */
interface Images {
  readonly trusted: BakedImage;
  readonly strange: BakedImage;
  readonly copy: Copy;
}

interface Copy {
  readonly imageId: string;
  readonly snapshotId: string;
}

let made: Images | undefined;

/** What is there once the accounts are set up. */
export function images(): Images {
  if (!made) throw new Error('The accounts are not set up yet.');
  return made;
}

beforeAll(async () => {
  await accounts.apply();
  await makeAdministratorRoles(endpoint(), ADMINISTRATOR, [elsewhere.id]);
  const { read = '' } = await renderPolicies(accounts.folder, { topic_name: accounts.topic });
  for (const account of [source.id, target.id]) await makeOperatorsRole(account, 'reader', read);
  const Statement = [{ Effect: 'Allow', Action: ['ec2:*', 'ssm:*'], Resource: '*' }];
  await makeOperatorsRole(target.id, 'colleague', JSON.stringify({ Version: '2012-10-17', Statement }));
  made = await bakeAndCopy();
}, DEPLOY_TIMEOUT_MS);

afterAll(async () => {
  await leaveAccount(elsewhere);
  await accounts.leave();
});

async function bakeAndCopy(): Promise<Images> {
  const trusted = await accounts.bake('ubuntu', 1);
  const asked = [target.id, neighbour.id];
  await share(source.ec2, trusted, asked);
  const Message = JSON.stringify(copyRequestFor(trusted, REGION, asked));
  await source.sns.send(new PublishCommand({ TopicArn: topicArn(), Message }));
  const [copy] = await Promise.all([target, neighbour].map((account) => announcedCopy(account, trusted.imageId)));
  const [snapshot] = await snapshotsOf(target, copy ?? {});
  const strange = await bake(stranger);
  await share(stranger.ec2, strange, [target.id]);
  return { trusted, strange, copy: { imageId: copy?.ImageId ?? '', snapshotId: snapshot?.SnapshotId ?? '' } };
}

async function announcedCopy(account: typeof target, imageId: string): Promise<Image> {
  return await waitFor(`the copy in ${account.id}`, async () => {
    const [copy] = await findCopies(account, imageId);
    return copy && isAnnounced(copy, 'image-copier') ? copy : undefined;
  });
}

let bakes = 0;

/** An image of somebody's own, with a copier's marker if one is given. */
export async function bake({ ec2 }: Identity, marker?: string): Promise<BakedImage> {
  bakes += 1;
  const tags = { Recipe: 'attack', ...(marker !== undefined && { [MARKER]: marker }) };
  return await bakeImage(ec2, { name: `attack-${bakes}`, description: '', tags, volumeSizes: [1] });
}

export function topicArn(suffix = ''): string {
  return `arn:aws:sns:${REGION}:${source.id}:${accounts.topic}${suffix}`;
}

/** The URL of a queue of the copier in an account. */
export function queueUrl({ account }: Identity, queue: string): string {
  return `${endpoint()}/${account}/image-copier-${queue}`;
}

export function queueArn({ account }: Identity, queue: string): string {
  return `arn:aws:sqs:${REGION}:${account}:image-copier-${queue}`;
}

export function functionArn({ account }: Identity, name: string): string {
  return `arn:aws:lambda:${REGION}:${account}:function:image-copier-${name}`;
}

export function parameterArn({ account }: Identity): string {
  return `arn:aws:ssm:${REGION}:${account}:parameter/image-copier/ubuntu`;
}

export function keyArn({ account }: Identity): string {
  return accounts.applied.copiers[account]?.key_arn ?? '';
}

export function busArn({ account }: Identity): string {
  return `arn:aws:events:${REGION}:${account}:event-bus/default`;
}
