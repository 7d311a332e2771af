import { describe, expect, it } from '@jest/globals';
import { FakeAws } from '../support/fake-aws.ts';
import { run } from '../support/run.ts';

describe('status', () => {
  it('names the nearest Region if one that is not listed does not answer', async () => {
    const aws = new FakeAws();
    const host = 'ec2.eu-west-9.amazonaws.com';
    aws.close('222222222222', Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }));

    const args = ['--accounts', '222222222222', '--role-name', 'reader', '--region', 'eu-west-9'];
    expect(await run(['status', ...args], { aws })).toEqual({
      code: 1,
      out: 'No image of any recipe was found.\n',
      err: `222222222222, eu-west-9: AWS cannot be reached: getaddrinfo ENOTFOUND ${host}. Image Copier knows no Region eu-west-9. Did you mean eu-west-1?\n`,
    });
  });
});
