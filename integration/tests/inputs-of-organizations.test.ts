import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CreatePolicyCommand, GetRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  CreateKeyCommand,
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  ListAliasesCommand,
  PutKeyPolicyCommand,
} from '@aws-sdk/client-kms';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { bakeImage, type BakedImage } from '../../scripts/tool/common/bake.ts';
import { findCopies, snapshotsOf, tagOf } from '../../scripts/tool/common/copies.ts';
import type { Finding } from '../../scripts/tool/doctor/finding.ts';
import { OPERATORS_ACCOUNT } from '../../scripts/dev/administrator-role.ts';
import {
  emulatedAccount,
  emulatedEnvironment,
  emulatedSettings,
  withoutAws,
} from '../../scripts/dev/emulated-account.ts';
import { FUNCTIONS_SERVICES } from './guardrails/policies.ts';
import { endpoint, newAccountId, REGION } from './support/emulator.ts';
import { leaveAccount } from './support/leave-account.ts';
import { changesOf, NO_CHANGES, Rollout } from './support/rollout.ts';
import { runHere } from './support/run-here.ts';

const TIMEOUT_MS = 900_000;
const rollout = new Rollout();
const source = emulatedAccount(endpoint(), rollout.source, REGION);
const target = emulatedAccount(endpoint(), newAccountId(), REGION);
const environment = { ...withoutAws(), ...emulatedEnvironment(endpoint(), OPERATORS_ACCOUNT, REGION) };
const inputs = {
  copy_tags: { CostCenter: '4711' },
  key_policy_statements: [
    { sid: 'NobodyDisables', effect: 'Deny', actions: ['kms:DisableKey'], principals: { AWS: ['*'] } },
  ],
  permissions_boundary_arn: 'arn:aws:iam::{account}:policy/organization/boundary',
  role_path: '/organization/copier/',
  tags: { team: 'platform' },
};
let bakes = 0;

beforeAll(async () => {
  await rollout.makeRoles([target.id]);
  const iam = new IAMClient(emulatedSettings(endpoint(), target.id, REGION));
  const Statement = [{ Effect: 'Allow', Action: FUNCTIONS_SERVICES.map((service) => `${service}:*`), Resource: '*' }];
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iam.send(new CreatePolicyCommand({ Path: '/organization/', PolicyName: 'boundary', PolicyDocument }));
  expect(await deploy(inputs)).toEqual([null, null]);
}, TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([source, target].map(leaveAccount));
  rollout.remove();
});

/** Deploys with these inputs, and gives what was wrong in each account. */
async function deploy(changed: object): Promise<readonly (string | null)[]> {
  rollout.write({ payments: { id: target.id } }, changed);
  return (await rollout.rowsOf('deploy')).rows.map(({ problem }) => problem);
}

async function run(...args: string[]) {
  return await runHere([...args, '--accounts-file', rollout.accountsFile], environment);
}

async function bake(): Promise<BakedImage> {
  bakes += 1;
  return await bakeImage(source.ec2, {
    name: `ubuntu-${bakes}`,
    description: '',
    tags: { Recipe: 'ubuntu', CostCenter: 'of the bake' },
    volumeSizes: [8],
  });
}

/** Asks for a copy, waits for it, and looks at it. */
async function copyOf({ imageId }: BakedImage) {
  const { code, stderr } = await run('request', imageId, '--share', '--wait');
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
  const copies = await findCopies(target, imageId);
  expect(copies).toHaveLength(1);
  const [copy = {}] = copies;
  const snapshots = await snapshotsOf(target, copy);
  return {
    imageId: copy.ImageId,
    keys: snapshots.map(({ KmsKeyId }) => KmsKeyId),
    costCenters: [copy, ...snapshots].map((each) => tagOf(each, 'CostCenter')),
  };
}

async function ownKey() {
  const { Aliases = [] } = await target.kms.send(new ListAliasesCommand({}));
  const KeyId = Aliases.find(({ AliasName }) => AliasName === 'alias/image-copier')?.TargetKeyId;
  return (await target.kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
}

async function newest(): Promise<string | undefined> {
  const { Parameter } = await target.ssm.send(new GetParameterCommand({ Name: '/image-copier/ubuntu' }));
  return Parameter?.Value;
}

describe('a copier with the inputs that organizations need', () => {
  let first: BakedImage;
  let firstCopy: Awaited<ReturnType<typeof copyOf>>;
  let moduleKey: Awaited<ReturnType<typeof ownKey>>;

  it('has bounded roles on their path, and further statements in the policy of its key', async () => {
    const iam = new IAMClient(emulatedSettings(endpoint(), target.id, REGION));
    const { Role } = await iam.send(new GetRoleCommand({ RoleName: `image-copier-copy-image-${REGION}` }));
    moduleKey = await ownKey();
    const { Policy = '' } = await target.kms.send(
      new GetKeyPolicyCommand({ KeyId: moduleKey?.KeyId, PolicyName: 'default' }),
    );

    expect(Role).toMatchObject({
      Path: '/organization/copier/',
      PermissionsBoundary: { PermissionsBoundaryArn: `arn:aws:iam::${target.id}:policy/organization/boundary` },
      Tags: expect.arrayContaining([{ Key: 'team', Value: 'platform' }]),
    });
    expect(Policy).toContain('NobodyDisables');
  });

  it('copies, verifies and announces, with the tags that the account sets', async () => {
    first = await bake();
    firstCopy = await copyOf(first);

    expect(firstCopy).toMatchObject({ keys: [moduleKey?.Arn], costCenters: ['4711', '4711'] });
    expect(await newest()).toBe(firstCopy.imageId);
  });

  it(
    'keeps its key where a key of the organization takes its place and nothing says that it stays',
    async () => {
      const { KeyMetadata } = await target.kms.send(new CreateKeyCommand({}));
      const [, problem] = await deploy({ ...inputs, kms_key_arn: KeyMetadata?.Arn });

      expect(problem).toContain('ScheduleKeyDeletion');
      const { KeyMetadata: kept } = await target.kms.send(new DescribeKeyCommand({ KeyId: moduleKey?.KeyId }));
      expect(kept?.KeyState).toBe('Enabled');
    },
    TIMEOUT_MS,
  );

  describe('whose key is another from now on', () => {
    let organizations: string | undefined;

    beforeAll(async () => {
      const root = { AWS: `arn:aws:iam::${target.id}:root` };
      const Statement = [{ Effect: 'Allow', Principal: root, Action: 'kms:*', Resource: '*' }];
      const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
      organizations = (await target.kms.send(new CreateKeyCommand({ Policy }))).KeyMetadata?.Arn;
      expect(await deploy({ ...inputs, keep_own_key: true, kms_key_arn: organizations })).toEqual([null, null]);
    }, TIMEOUT_MS);

    it('has nothing more to change', async () => {
      expect((await rollout.rowsOf('deploy', '--plan')).rows.map(changesOf)).toEqual([NO_CHANGES, NO_CHANGES]);
    });

    it('copies under that key', async () => {
      const copy = await copyOf(await bake());

      expect(copy).toMatchObject({ keys: [organizations] });
      expect(await newest()).toBe(copy.imageId);
    });

    it('takes the earlier copy for done, and points its recipe back to it', async () => {
      expect(await copyOf(first)).toEqual(firstCopy);
      expect(await run('rollback', 'ubuntu', '--yes')).toMatchObject({ code: 0, stderr: '' });
      expect(await newest()).toBe(firstCopy.imageId);
    });

    it('is healthy once the policy of that key has what doctor misses in it', async () => {
      const [missing] = await problems();
      expect(missing).toMatchObject({ code: 'KeyRefusesLaunches', subject: organizations });
      const statement: unknown = JSON.parse(/\{.*\}/.exec(missing?.fix ?? '')?.[0] ?? '');
      const key = { KeyId: organizations, PolicyName: 'default' };
      const { Policy = '' } = await target.kms.send(new GetKeyPolicyCommand(key));
      const policy = JSON.parse(Policy) as { Statement: unknown[] };
      policy.Statement.push(statement);
      await target.kms.send(new PutKeyPolicyCommand({ ...key, Policy: JSON.stringify(policy) }));

      expect(await problems()).toEqual([]);
    });
  });
});

/** What doctor finds that keeps copies from coming or from being used. */
async function problems(): Promise<Finding[]> {
  const { stdout } = await run('doctor', '--json');
  const [row] = JSON.parse(stdout) as { findings: Finding[] }[];
  return (row?.findings ?? []).filter(({ severity }) => severity === 'problem');
}
