import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { describe, expect, it } from '@jest/globals';
import { makeConnect, type Access } from '../../../tool/common/aws-clients.ts';
import { accessOf, environmentsOf } from '../../../tool/common/environments.ts';
import type { EnvironmentOptions } from '../../../tool/common/environment-options.ts';
import { UserError } from '../../../tool/common/user-error.ts';
import { FakeAws } from '../support/fake-aws.ts';
import { writeAccountsFile } from '../support/accounts-file.ts';

const FILE = {
  source: { id: '111111111111', profile: 'bakery' },
  topic: 'amigo-PROD-notify',
  defaults: { roleName: 'deployer', regions: ['eu-west-1'] },
  accounts: [
    {
      id: '222222222222',
      name: 'payments',
      regions: ['eu-west-1', 'us-east-1'],
      labels: { wave: 'canary' },
      inputs: { name: 'copier', parameter_path: '/images', recipe_tag: 'Service', copy_tags: { Owner: 'payments' } },
    },
    { id: '333333333333', name: 'web', profile: 'web' },
  ],
};

const NAME = { name: 'image-copier' };
const DEFAULTS = {
  labels: {},
  name: 'image-copier',
  parameterPath: '/image-copier',
  recipeTag: 'Recipe',
  copyTags: [],
};
const DEPLOYER = 'arn:aws:iam::222222222222:role/deployer';

/** The environments of some options, and the ways in that were asked for. */
async function resolve(options: Partial<EnvironmentOptions>, aws = new FakeAws()) {
  const ways: Access[] = [];
  const { copiers, source } = await environmentsOf({ ...NAME, ...options }, (access) => {
    ways.push(access);
    return aws.connect(access);
  });
  return {
    copiers: copiers.map((copier) => ({ ...copier, aws: undefined, access: undefined, chosenBy: undefined })),
    source,
    ways,
  };
}

describe('the environment of the credentials', () => {
  it('is their account and Region', async () => {
    const aws = new FakeAws();
    aws.in('111111111111').sts.on(GetCallerIdentityCommand).resolves({ Account: '111111111111' });

    expect(await resolve({}, aws)).toEqual({
      copiers: [{ accountId: '111111111111', account: '111111111111', region: 'eu-west-1', ...DEFAULTS }],
      source: undefined,
      ways: [{}, { region: 'eu-west-1' }],
    });
  });

  it('is that of the role and the Region that are named, with what is said of the copier', async () => {
    const aws = new FakeAws();
    aws.in('222222222222', 'us-east-1').sts.on(GetCallerIdentityCommand).resolves({ Account: '222222222222' });
    const copier = { name: 'copier', parameterPath: '/images', recipeTag: 'Service', copyTags: [] };
    const access = { roleArn: DEPLOYER, region: 'us-east-1' };

    expect(await resolve({ ...copier, ...access }, aws)).toMatchObject({
      copiers: [{ accountId: '222222222222', region: 'us-east-1', ...copier }],
      ways: [access, access],
    });
  });

  it('is not known without a Region', async () => {
    const aws = new FakeAws();
    aws.defaultRegion = undefined;

    await expect(resolve({}, aws)).rejects.toEqual(
      new UserError('No AWS Region. Add --region eu-west-1, or set AWS_REGION or the region of the profile.', 2),
    );
  });
});

describe('the environments of --accounts', () => {
  it('are reached by the role in each, in the Region of the profile', async () => {
    const options = { accounts: ['222222222222', '333333333333'], roleName: 'reader', profile: 'audit' };
    const { copiers, ways } = await resolve(options);

    expect(copiers).toEqual([
      { accountId: '222222222222', account: '222222222222', region: 'eu-west-1', ...DEFAULTS },
      { accountId: '333333333333', account: '333333333333', region: 'eu-west-1', ...DEFAULTS },
    ]);
    expect(ways).toEqual([
      { profile: 'audit' },
      { profile: 'audit', region: 'eu-west-1', roleArn: 'arn:aws:iam::222222222222:role/reader' },
      { profile: 'audit', region: 'eu-west-1', roleArn: 'arn:aws:iam::333333333333:role/reader' },
    ]);
  });

  it('are reached by a role of their partition', async () => {
    const { ways } = await resolve({ accounts: ['222222222222'], roleName: 'reader', region: 'cn-north-1' });

    expect(ways[1]).toEqual({ region: 'cn-north-1', roleArn: 'arn:aws-cn:iam::222222222222:role/reader' });
  });
});

describe('the options that choose an environment again', () => {
  const accountsFile = writeAccountsFile(FILE);
  const chosenBy = async (options: Partial<EnvironmentOptions>) => {
    const aws = new FakeAws({ profiles: { team: '111111111111' } });
    for (const account of ['111111111111', '222222222222']) {
      aws.in(account).sts.on(GetCallerIdentityCommand).resolves({ Account: account });
    }
    const { copiers } = await environmentsOf({ ...NAME, ...options }, aws.connect);
    return copiers.map((copier) => [copier.access, copier.chosenBy.join(' ')]);
  };
  const region = 'eu-west-1';

  it.each<[Partial<EnvironmentOptions>, unknown[]]>([
    [{}, [[{ region }, '']]],
    [{ profile: 'team', region }, [[{ profile: 'team', region }, '--profile team']]],
    [
      { roleArn: DEPLOYER, profile: 'team', name: 'other' },
      [[{ roleArn: DEPLOYER, profile: 'team', region }, `--role-arn ${DEPLOYER} --profile team --name other`]],
    ],
    [
      { accounts: ['222222222222'], roleName: 'deployer' },
      [[{ roleArn: DEPLOYER, region }, '--accounts 222222222222 --role-name deployer']],
    ],
    [
      { accountsFile, only: ['wave=canary', 'web'], region },
      [
        [{ roleArn: DEPLOYER, region }, `--accounts-file ${accountsFile} --only payments`],
        [{ profile: 'web', region }, `--accounts-file ${accountsFile} --only web`],
      ],
    ],
    [
      { accountsFile, only: ['222222222222'], region, roleName: 'deployer', profile: 'team' },
      [
        [
          { roleArn: DEPLOYER, profile: 'team', region },
          `--accounts-file ${accountsFile} --only payments --role-name deployer --profile team`,
        ],
      ],
    ],
  ])('are those that were given, for it alone: %j', async (options, expected) => {
    expect(await chosenBy(options)).toEqual(expected);
  });
});

describe('the environments of an accounts file', () => {
  const accountsFile = writeAccountsFile(FILE);

  it('are its accounts in their Regions, each with its own way in and inputs', async () => {
    const { copiers, ways } = await resolve({ accountsFile });

    const payments = {
      ...{ accountId: '222222222222', account: 'payments', labels: { wave: 'canary' } },
      ...{ name: 'copier', parameterPath: '/images', recipeTag: 'Service' },
      copyTags: [{ key: 'Owner', value: 'payments' }],
    };
    expect(copiers).toEqual([
      { ...payments, region: 'eu-west-1' },
      { ...payments, region: 'us-east-1' },
      { accountId: '333333333333', account: 'web', region: 'eu-west-1', ...DEFAULTS },
    ]);
    expect(ways).toEqual([
      { roleArn: DEPLOYER, region: 'eu-west-1' },
      { roleArn: DEPLOYER, region: 'us-east-1' },
      { profile: 'web', region: 'eu-west-1' },
    ]);
  });

  it('are reached by --role-name with the credentials of --profile, also the source account', async () => {
    const options = { accountsFile, only: ['web'], roleName: 'reader', profile: 'audit' };
    const { source, ways } = await resolve(options);
    source?.clientsIn('eu-west-1');

    expect(ways).toEqual([
      { profile: 'audit', roleArn: 'arn:aws:iam::333333333333:role/reader', region: 'eu-west-1' },
      { profile: 'audit', roleArn: 'arn:aws:iam::111111111111:role/reader', region: 'eu-west-1' },
    ]);
  });

  it('are reached by the role of the file with the credentials of --profile', async () => {
    const { ways } = await resolve({ accountsFile, only: ['payments'], region: 'us-east-1', profile: 'audit' });

    expect(ways).toEqual([{ profile: 'audit', roleArn: DEPLOYER, region: 'us-east-1' }]);
  });

  it('are those that --only and --region choose', async () => {
    const chosen = async (options: Partial<EnvironmentOptions>) => {
      const { copiers } = await resolve({ accountsFile, ...options });
      return copiers.map(({ account, region }) => `${account} ${region}`);
    };

    expect(await chosen({ only: ['wave=canary'] })).toEqual(['payments eu-west-1', 'payments us-east-1']);
    expect(await chosen({ region: 'eu-west-1' })).toEqual(['payments eu-west-1', 'web eu-west-1']);
  });

  it('know the source account, with one set of clients for each Region', async () => {
    const { source, ways } = await resolve({ accountsFile, only: ['web'] });
    const clients = source?.clientsIn('us-east-1');

    expect(source).toMatchObject({ accountId: '111111111111', topic: 'amigo-PROD-notify' });
    expect(source?.topicArnIn('us-east-1')).toBe('arn:aws:sns:us-east-1:111111111111:amigo-PROD-notify');
    expect(source?.clientsIn('us-east-1')).toBe(clients);
    expect(ways.slice(1)).toEqual([{ profile: 'bakery', region: 'us-east-1' }]);
  });

  it('are none if no account has the Region', async () => {
    await expect(resolve({ accountsFile, region: 'eu-north-1' })).rejects.toEqual(
      new UserError('None of the chosen accounts has the Region eu-north-1.', 2),
    );
  });
});

describe('options that do not go together', () => {
  it.each<[Partial<EnvironmentOptions>, string]>([
    [{ only: ['web'] }, '--only chooses from an --accounts-file.'],
    [
      { accountsFile: 'a.yaml', accounts: ['222222222222'] },
      'Name accounts by --accounts or by --accounts-file, not by both.',
    ],
    [
      { accountsFile: 'a.yaml', roleArn: DEPLOYER },
      '--role-arn is of one account. With --accounts-file use --role-name.',
    ],
    [{ roleName: 'reader' }, '--role-name needs --accounts or --accounts-file.'],
    [{ accounts: ['222222222222'] }, '--accounts needs --role-name: the role to assume in each of them.'],
  ])('are rejected: %j', async (options, message) => {
    const error: unknown = await environmentsOf({ ...NAME, ...options }, makeConnect()).catch(
      (thrown: unknown) => thrown,
    );

    expect(error).toEqual(new UserError(message, 2));
    expect(error).toHaveProperty('exitCode', 2);
  });
});

describe('accessOf', () => {
  it('takes the way in alone from options', () => {
    const options = { profile: 'audit', roleArn: DEPLOYER, region: 'eu-west-1', ...NAME };

    expect(accessOf(options)).toEqual({ profile: 'audit', roleArn: DEPLOYER, region: 'eu-west-1' });
    expect(accessOf(NAME as Access)).toEqual({});
  });
});
