import { createServer, type Server } from 'node:http';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DescribeImageAttributeCommand } from '@aws-sdk/client-ec2';
import { PARALLEL } from '../../../tool/common/in-environments.ts';
import { mapConcurrently } from '../../../tool/common/map-concurrently.ts';
import { makeConnect, type Connect } from '../../../tool/common/aws-clients.ts';

const CONFIG = `[default]
region = eu-north-1

[profile production]
region = eu-central-1
aws_access_key_id = PROFILE
aws_secret_access_key = secret
`;
const MINUTE = 60_000;

/** STS on this machine, the only thing that these tests call. */
let sts: Server;
/** The requests for a role: who signed them, and what for. */
let asked: { readonly signer: string | undefined; readonly role: string | null }[];
let answer: () => { readonly status: number; readonly lifetimeMs: number };
let folder: string;
let variables: NodeJS.ProcessEnv;
let connect: Connect;
let connections = 0;

beforeAll(async () => {
  sts = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const role = new URLSearchParams(Buffer.concat(pieces).toString()).get('RoleArn');
      asked.push({ signer: /Credential=(\w+)\//.exec(request.headers.authorization ?? '')?.[1], role });
      const { status, lifetimeMs } = answer();
      response.writeHead(status, { 'content-type': 'text/xml' }).end(
        status === 200
          ? `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ROLE${asked.length}</AccessKeyId>
             <SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
             <Expiration>${new Date(Date.now() + lifetimeMs).toISOString()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`
          : '<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>',
      );
    });
  });
  sts.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => sts.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  sts.closeAllConnections();
  sts.close();
});

beforeEach(() => {
  asked = [];
  answer = () => ({ status: 200, lifetimeMs: 60 * MINUTE });
  folder = mkdtempSync(join(tmpdir(), 'aws-'));
  writeFileSync(join(folder, 'config'), CONFIG);
  variables = { ...process.env };
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, {
    AWS_CONFIG_FILE: join(folder, 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'none'),
    AWS_ENDPOINT_URL: `http://127.0.0.1:${(sts.address() as AddressInfo).port}`,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ACCESS_KEY_ID: 'ENVIRONMENT',
    AWS_SECRET_ACCESS_KEY: 'secret',
  });
  connect = makeConnect();
});

afterEach(() => {
  jest.restoreAllMocks();
  for (const name of Object.keys(process.env)) if (!(name in variables)) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, variables);
  rmSync(folder, { recursive: true });
});

const ROLE = 'arn:aws:iam::222222222222:role/operator';

describe('the way into an account', () => {
  it('is that of the environment if nothing else is named', async () => {
    const aws = connect({});

    expect(await aws.credentials()).toMatchObject({ accessKeyId: 'ENVIRONMENT' });
    expect(await aws.region()).toBe('eu-north-1');
  });

  it('is a profile that is named, also where the environment holds credentials', async () => {
    const aws = connect({ profile: 'production' });

    expect(await aws.credentials()).toMatchObject({ accessKeyId: 'PROFILE' });
    expect(await aws.region()).toBe('eu-central-1');
  });

  it('is in the Region that is named, and in another for clients of another', async () => {
    const aws = connect({ profile: 'production', region: 'eu-west-1' });
    const elsewhere = aws.inRegion('us-east-1');

    expect(await aws.region()).toBe('eu-west-1');
    expect(await aws.ec2.config.region()).toBe('eu-west-1');
    expect(await elsewhere.ec2.config.region()).toBe('us-east-1');
    expect(await elsewhere.credentials()).toMatchObject({ accessKeyId: 'PROFILE' });
  });

  it('has no Region where nothing names one', async () => {
    writeFileSync(join(folder, 'config'), '');

    await expect(connect({}).region()).rejects.toThrow('Region is missing');
  });

  it('has no credentials where there are none', async () => {
    Reflect.deleteProperty(process.env, 'AWS_ACCESS_KEY_ID');

    await expect(connect({}).credentials()).rejects.toHaveProperty('name', 'CredentialsProviderError');
  });

  it.each([
    ['ENVIRONMENT', { roleArn: ROLE, region: 'eu-west-1' }],
    ['PROFILE', { roleArn: ROLE, region: 'eu-west-1', profile: 'production' }],
  ])('assumes a role with the credentials of the %s', async (signer, access) => {
    expect(await connect(access).credentials()).toMatchObject({ accessKeyId: 'ROLE1', sessionToken: 'token' });
    expect(asked).toEqual([{ signer, role: ROLE }]);
  });
});

describe('the credentials of a role', () => {
  const open = () => connect({ roleArn: ROLE, region: 'eu-west-1' });

  it('are assumed once for all clients, in all Regions', async () => {
    const aws = open();
    const users = [aws.ec2, aws.sqs, aws.iam, aws.inRegion('us-east-1').ssm];

    const all = await Promise.all(users.map(({ config }) => config.credentials()));

    expect(all.map(({ accessKeyId }) => accessKeyId)).toEqual(['ROLE1', 'ROLE1', 'ROLE1', 'ROLE1']);
    expect(asked).toHaveLength(1);
  });

  it('are renewed once for all before they expire', async () => {
    const aws = open();
    const startMs = Date.now();
    await aws.credentials();

    jest.spyOn(Date, 'now').mockReturnValue(startMs + 54 * MINUTE);
    expect(await aws.credentials()).toMatchObject({ accessKeyId: 'ROLE1' });

    jest.spyOn(Date, 'now').mockReturnValue(startMs + 56 * MINUTE);
    expect(await Promise.all([aws.credentials(), aws.credentials()])).toMatchObject([
      { accessKeyId: 'ROLE2' },
      { accessKeyId: 'ROLE2' },
    ]);
    expect(asked).toHaveLength(2);
  });

  it('are asked for again after a failure', async () => {
    const aws = open();
    answer = () => ({ status: 403, lifetimeMs: 0 });
    await expect(aws.credentials()).rejects.toHaveProperty('name', 'AccessDenied');

    answer = () => ({ status: 200, lifetimeMs: 60 * MINUTE });
    expect(await aws.credentials()).toMatchObject({ accessKeyId: 'ROLE2' });
  });
});

describe('clients', () => {
  it('are made once each', () => {
    const aws = connect({ region: 'eu-west-1' });
    const all = () => [
      aws.cloudwatch,
      aws.ec2,
      aws.events,
      aws.iam,
      aws.kms,
      aws.lambda,
      aws.sns,
      aws.sqs,
      aws.ssm,
      aws.sts,
    ];

    expect(new Set([...all(), ...all()])).toEqual(new Set(all()));
    expect(new Set(all()).size).toBe(10);
  });

  it('are made anew after they were let go', () => {
    const aws = connect({ region: 'eu-west-1' });
    const { ec2 } = aws;

    aws.close();

    expect(aws.ec2).not.toBe(ec2);
  });
});

describe('an account that throttles', () => {
  /** EC2's throttle: so many calls at once, and so many a second (EC2 Developer Guide, "Request throttling"). */
  const BURST = 20;
  const PER_SECOND = 20;
  let ec2: Server;

  beforeAll(async () => {
    let tokens = BURST;
    let atMs = performance.now();
    ec2 = createServer((request, response) => {
      request.resume().on('end', () => {
        const nowMs = performance.now();
        tokens = Math.min(BURST, tokens + ((nowMs - atMs) / 1000) * PER_SECOND);
        atMs = nowMs;
        const isTaken = tokens >= 1;
        if (isTaken) tokens -= 1;
        response
          .writeHead(isTaken ? 200 : 503, { 'content-type': 'text/xml' })
          .end(
            isTaken
              ? '<DescribeImageAttributeResponse><launchPermission/></DescribeImageAttributeResponse>'
              : '<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Slow down.</Message></Error></Errors></Response>',
          );
      });
    });
    await new Promise<void>((resolve) => ec2.listen(0, '127.0.0.1', resolve));
  });

  afterAll(() => {
    ec2.closeAllConnections();
    ec2.close();
  });

  it('is asked at its pace, and answers each of many calls', async () => {
    process.env['AWS_ENDPOINT_URL'] = `http://127.0.0.1:${(ec2.address() as AddressInfo).port}`;
    const aws = connect({ region: 'eu-west-1' });
    const images = Array.from({ length: 200 }, (_, index) => `ami-${index}`);

    const answers = await mapConcurrently(images, PARALLEL, async (ImageId) => {
      const { LaunchPermissions } = await aws.ec2.send(
        new DescribeImageAttributeCommand({ ImageId, Attribute: 'launchPermission' }),
      );
      return LaunchPermissions;
    });

    expect(answers).toEqual(images.map(() => []));
  }, 60_000);
});

describe('the clients of many accounts', () => {
  const roles = Array.from({ length: 20 }, (_, index) => `arn:aws:iam::${200_000_000_000 + index}:role/operator`);
  const askAll = async (profile: string) => {
    for (const roleArn of roles) await connect({ profile, roleArn, region: 'eu-west-1' }).credentials();
  };

  it('share the credentials of a profile: its program runs once', async () => {
    const runs = join(folder, 'runs');
    const program = join(folder, 'credentials.sh');
    const given = { Version: 1, AccessKeyId: 'PROCESS', SecretAccessKey: 'secret' };
    writeFileSync(program, `echo run >> ${runs}\necho '${JSON.stringify(given)}'\n`);
    writeFileSync(join(folder, 'config'), `[profile process]\ncredential_process = sh ${program}\n`);
    expect(existsSync(runs)).toBe(false);

    await askAll('process');

    expect(asked.map(({ signer, role }) => [signer, role])).toEqual(roles.map((role) => ['PROCESS', role]));
    expect(readFileSync(runs, 'utf8')).toBe('run\n');
  });

  it('share the role of a profile, which is assumed once', async () => {
    const config = `[profile hub]\nrole_arn = ${ROLE}\nsource_profile = production\nregion = eu-west-1\n`;
    writeFileSync(join(folder, 'config'), `${CONFIG}\n${config}`);

    await askAll('hub');

    expect(asked.map(({ role }) => role)).toEqual([ROLE, ...roles]);
    expect(asked.map(({ signer }) => signer)).toEqual(['PROFILE', ...roles.map(() => 'ROLE1')]);
  });

  it('share their connections', async () => {
    const before = connections;

    await askAll('production');

    expect(connections - before).toBe(1);
  });
});
