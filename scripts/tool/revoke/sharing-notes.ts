import type { LaunchPermission } from '@aws-sdk/client-ec2';
import {
  DeleteParametersCommand,
  paginateGetParametersByPath,
  PutParameterCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm';

/** Where it is noted whom a revoked image was shared with: DisableImage takes all launch permissions away, and EC2 notes none. */
const PATH = '/image-copier-revoked';

/** SSM keeps 4,096 characters in a standard parameter (SSM API Reference, PutParameter). */
const MAX_CHARACTERS = 3500;

interface Part {
  /** How many there are. What is left of an earlier note lies behind them. */
  readonly parts: number;
  /** Account ids, ARNs of organizations and of their units, and `all` for everybody. */
  readonly sharedWith: readonly string[];
}

/** Notes whom an image is shared with, before that is lost. */
export async function noteSharing(
  ssm: SSMClient,
  imageId: string,
  permissions: readonly LaunchPermission[],
): Promise<void> {
  const parts = inParts(
    permissions.flatMap(
      ({ UserId, Group, OrganizationArn, OrganizationalUnitArn }) =>
        UserId ?? Group ?? OrganizationArn ?? OrganizationalUnitArn ?? [],
    ),
  );
  for (const [index, sharedWith] of parts.entries()) {
    const part: Part = { parts: parts.length, sharedWith };
    await ssm.send(
      new PutParameterCommand({
        Name: `${PATH}/${imageId}/${index + 1}`,
        Value: JSON.stringify(part),
        Type: 'String',
        Overwrite: true,
      }),
    );
  }
}

/** Whom an image was shared with, as far as it was noted; nothing if it was not. */
export async function notedSharing(ssm: SSMClient, imageId: string): Promise<LaunchPermission[]> {
  const noted = await readParts(ssm, imageId);
  // The first is written each time, so that it says how many belong to it.
  const parts = noted.find(({ number }) => number === 1)?.part.parts ?? 0;
  return noted
    .filter(({ number }) => number <= parts)
    .flatMap(({ part }) => part.sharedWith)
    .map(toPermission);
}

export async function forgetSharing(ssm: SSMClient, imageId: string): Promise<void> {
  const names = (await readParts(ssm, imageId)).map(({ name }) => name);
  // SSM API Reference, DeleteParameters: at most 10 at once.
  for (let start = 0; start < names.length; start += 10) {
    await ssm.send(new DeleteParametersCommand({ Names: names.slice(start, start + 10) }));
  }
}

async function readParts(ssm: SSMClient, imageId: string) {
  const path = `${PATH}/${imageId}`;
  const found: { readonly name: string; readonly number: number; readonly part: Part }[] = [];
  for await (const { Parameters = [] } of paginateGetParametersByPath({ client: ssm }, { Path: path })) {
    for (const { Name: name = '', Value = '' } of Parameters) {
      found.push({ name, number: Number(name.slice(path.length + 1)), part: JSON.parse(Value) as Part });
    }
  }
  return found.toSorted((one, other) => one.number - other.number);
}

function inParts(sharedWith: readonly string[]): string[][] {
  const parts: string[][] = [[]];
  let characters = 0;
  for (const each of sharedWith) {
    if (characters + each.length > MAX_CHARACTERS) {
      parts.push([]);
      characters = 0;
    }
    parts.at(-1)?.push(each);
    // With its quotes and the comma.
    characters += each.length + 3;
  }
  return parts;
}

function toPermission(noted: string): LaunchPermission {
  if (/^\d{12}$/.test(noted)) return { UserId: noted };
  if (noted.includes(':organization/')) return { OrganizationArn: noted };
  if (noted.includes(':ou/')) return { OrganizationalUnitArn: noted };
  return { Group: noted as NonNullable<LaunchPermission['Group']> };
}
