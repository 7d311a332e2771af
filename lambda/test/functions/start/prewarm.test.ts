import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { DescribeImagesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { clientOf } from '../../../src/functions/common/clients.ts';
import { prewarm } from '../../../src/functions/start/prewarm.ts';
import { HOST, startClosingServer } from './closing-server.ts';

const REGION = 'eu-west-1';
const environment = { ...process.env };
let server: Awaited<ReturnType<typeof startClosingServer>>;

beforeEach(async () => {
  server = await startClosingServer();
  Object.assign(process.env, {
    AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001',
    AWS_ACCESS_KEY_ID: 'AKIAQQQQQQQQQQQQQQQQ',
    AWS_SECRET_ACCESS_KEY: 'nobody',
  });
  use('https');
});

afterEach(() => {
  server.close();
  process.env = { ...environment };
});

function use(protocol: string): void {
  process.env['AWS_ENDPOINT_URL'] = `${protocol}://${HOST}:${server.port}`;
}

const answers: Readonly<Record<string, string>> = {
  DescribeImages:
    '<DescribeImagesResponse><imagesSet><item><name>prewarmed é</name></item></imagesSet></DescribeImagesResponse>',
  GetParameter: '{"Parameter":{"Value":"prewarmed"}}',
};
const answer = (operation: string) => answers[operation];

it.each([
  ['https', 2],
  ['http', 0],
])('answers clients of an %s endpoint itself, and opens %i connections meanwhile', async (protocol, opened) => {
  use(protocol);
  const ec2 = clientOf(EC2Client, REGION, 2);
  const ssm = clientOf(SSMClient, REGION, 0);

  const names: unknown[] = [];
  await prewarm([ec2, ssm], answer, async () => {
    // The second takes the connection of the first.
    for (let times = 0; times < 2; times += 1) {
      const { Images } = await ec2.client.send(new DescribeImagesCommand({ ImageIds: ['ami-00000000000000000'] }));
      names.push(Images?.[0]?.Name);
    }
    const { Parameter } = await ssm.client.send(new GetParameterCommand({ Name: '/Action=DescribeImages/é' }));
    names.push(Parameter?.Value);
  });

  expect(names).toEqual(['prewarmed é', 'prewarmed é', 'prewarmed']);
  expect(await server.reached(opened)).toBe(opened);
});

it('leaves a client as it was, also after a failure', async () => {
  const ec2 = clientOf(EC2Client, REGION);
  const describe = () => ec2.client.send(new DescribeImagesCommand({}));

  await expect(prewarm([ec2], () => undefined, describe)).rejects.toThrow(
    'The prewarming has no answer to DescribeImages.',
  );
  const before = server.connections();
  await expect(describe()).rejects.toThrow('socket disconnected');
  expect(server.connections()).toBeGreaterThan(before);
});

it('is left out outside Lambda', async () => {
  delete process.env['AWS_LAMBDA_RUNTIME_API'];

  await prewarm([], answer, () => Promise.reject(new Error('It began.')));
});
