import { expect, it } from '@jest/globals';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { mockClient } from 'aws-sdk-client-mock';
import { assumeRole } from '../../src/adapters/sts-role.ts';

const ROLE = 'arn:aws:iam::999999999999:role/read-units';
const client = new STSClient({ region: 'eu-west-1' });
const sts = mockClient(client);

it('gives the credentials of the role, with the time until which they are good', async () => {
  const Expiration = new Date('2026-11-30T16:00:00.000Z');
  const Credentials = { AccessKeyId: 'ASIA1', SecretAccessKey: 'secret', SessionToken: 'token', Expiration };
  sts.on(AssumeRoleCommand, { RoleArn: ROLE, RoleSessionName: 'publish' }).resolves({ Credentials });

  expect(await assumeRole(client, ROLE, 'publish')).toEqual({
    accessKeyId: 'ASIA1',
    secretAccessKey: 'secret',
    sessionToken: 'token',
    expiration: Expiration,
  });
});

it('fails where there are none', async () => {
  sts.on(AssumeRoleCommand).resolves({});

  await expect(assumeRole(client, ROLE, 'publish')).rejects.toThrow(`STS gave no credentials of ${ROLE}.`);
});
