import type { IncomingMessage } from 'node:http';

const BAKED_AT = Date.parse('2026-11-01T10:00:00.000Z');
const DAY_MS = 24 * 3600 * 1000;

/** When a build was baked: one each day. */
export function bakedAt(build: number): string {
  return new Date(BAKED_AT + build * DAY_MS).toISOString();
}

/** The id of a target account, by its number from 0. */
export function idOf(account: number): string {
  return String(200_000_000_000 + account);
}

/** An id such as EC2 gives. */
export function hex(prefix: string, number: number): string {
  return `${prefix}-0${number.toString(16).padStart(16, '0')}`;
}

/** All of a request. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

/** STS's answer: the credentials of an account, whose key is its id. */
export function assumedRole(account: string): string {
  const expiration = new Date(Date.now() + 3600_000).toISOString();
  return (
    '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>' +
    `<AssumedRoleUser><Arn>arn:aws:sts::${account}:assumed-role/operator/bench</Arn><AssumedRoleId>A:bench</AssumedRoleId></AssumedRoleUser>` +
    `<Credentials><AccessKeyId>${account}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>` +
    `<SessionToken>token</SessionToken><Expiration>${expiration}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`
  );
}

/** The one page of a listing. */
export function page(operation: string, set: string, items: readonly string[]): string {
  const all = items.map((item) => `<item>${item}</item>`).join('');
  return `<${operation}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><${set}>${all}</${set}></${operation}Response>`;
}

/** The values of the first filter of a call. */
export function valuesOf(call: URLSearchParams): string[] {
  return Array.from(call).flatMap(([name, value]) => (/^Filter\.1\.Value\.\d+$/.test(name) ? value : []));
}

/** An image of a recipe with one snapshot, as an item of DescribeImages. */
export function imageOf(
  account: string,
  id: string,
  recipe: number,
  build: number,
  source: string,
  moreTags = '',
): string {
  return (
    `<imageId>${id}</imageId><imageOwnerId>${account}</imageOwnerId><imageState>available</imageState>` +
    `<name>recipe-${recipe}-${build}</name><creationDate>${bakedAt(build)}</creationDate>${source}` +
    `<blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><snapshotId>${id.replace('ami', 'snap')}</snapshotId>` +
    '<encrypted>true</encrypted><volumeSize>8</volumeSize></ebs></item></blockDeviceMapping>' +
    `<tagSet><item><key>Recipe</key><value>recipe-${recipe}</value></item>${moreTags}</tagSet>`
  );
}
