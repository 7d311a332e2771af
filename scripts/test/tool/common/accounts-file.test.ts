import { dirname } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readStacks } from '../../../tool/common/accounts-file.ts';
import { UserError } from '../../../tool/common/user-error.ts';
import { writeAccountsFile } from '../support/accounts-file.ts';

const FILE = {
  source: { id: '111111111111', profile: 'bakery' },
  topic: 'amigo-PROD-notify',
  accounts: [{ id: '222222222222', name: 'web', roleName: 'deployer', regions: ['eu-west-1'] }],
};

/** What the user reads. */
function errorOf(file: string): UserError {
  try {
    readStacks(file);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('it was read');
}

describe('readStacks', () => {
  it('plans a stack for each account', () => {
    expect(readStacks(writeAccountsFile(FILE)).map(({ kind, name, access }) => [kind, name, access])).toEqual([
      ['source', 'source', { profile: 'bakery' }],
      ['target', 'web', { roleArn: 'arn:aws:iam::222222222222:role/deployer' }],
    ]);
  });

  it('names the option and the guide where there is no such file', () => {
    expect(errorOf('missing.yaml')).toMatchObject({
      message:
        'There is no missing.yaml. Name your accounts file with --accounts-file; terraform/stacks/README.md tells how to write one.',
      exitCode: 2,
    });
  });

  it('says what cannot be read', () => {
    const folder = dirname(writeAccountsFile(FILE));

    const { message, exitCode } = errorOf(folder);
    expect(message.startsWith(`${folder} cannot be read: `)).toBe(true);
    expect(message).toContain('EISDIR');
    expect(exitCode).toBe(2);
  });

  it('says what is wrong in a file', () => {
    const file = writeAccountsFile({ ...FILE, topic: 12 });

    expect(errorOf(file)).toMatchObject({
      message: `${file}:1:60: topic: is a number, which loses leading zeros. Quote it: "12".`,
      exitCode: 2,
    });
  });
});
