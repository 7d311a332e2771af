import { describe, expect, it } from '@jest/globals';
import { FakeAws } from '../support/fake-aws.ts';
import { run } from '../support/run.ts';
import { ACCOUNT } from './facts.ts';
import { answer, answerNothing, awsWithCopier, healthyCopier, type CopierAnswers } from './healthy-copier.ts';

const OTHER = '333333333333';
const THIRD = '444444444444';
const HEALTHY = `Nothing found in ${ACCOUNT}, eu-west-1.\n\n1 account and Region: 0 problems, 0 warnings, 0 notes.\n`;

describe('doctor', () => {
  it('shows examples and the exit codes in its help', async () => {
    const { code, out } = await run(['doctor', '--help']);

    expect(code).toBe(0);
    expect(out).toContain('\n  image-copier doctor --accounts-file accounts.yaml --image ami-');
    expect(out).toContain('Exit codes: 0 no problems, 1 a problem was found or an account could not be read, 2 wrong');
  });

  it.each([
    [['--image', 'ubuntu'], /^error: option '--image <image>' argument 'ubuntu' is invalid\./],
    [['--image-region', 'EU'], /^error: option '--image-region <region>' argument 'EU' is invalid\./],
    [['--image-region', 'us-east-1'], /^Error: --image-region is the Region of an --image\.\n$/],
    [['--accounts-file', 'none.yaml'], /^Error: There is no none\.yaml\./],
  ])('ends with exit code 2 for %j', async (args, err) => {
    expect(await run(['doctor', ...args])).toEqual({ code: 2, out: '', err: expect.stringMatching(err) });
  });

  it('finds nothing in a copier as the module makes it', async () => {
    expect(await run(['doctor'], { aws: awsWithCopier() })).toEqual({ code: 0, out: HEALTHY, err: '' });
  });

  it('prints JSON', async () => {
    const { code, out, err } = await run(['doctor', '--json'], { aws: awsWithCopier() });

    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toEqual([
      { account: ACCOUNT, accountId: ACCOUNT, region: 'eu-west-1', problem: null, findings: [] },
    ]);
  });

  it('says of a problem why it matters and how to fix it, and ends with exit code 1', async () => {
    const aws = awsWithCopier(({ queues }) => (queues.deadLetters.attributes.ApproximateNumberOfMessages = '2'));

    expect(await run(['doctor'], { aws })).toEqual({
      code: 1,
      err: '',
      out: [
        `problem DeadLetters in ${ACCOUNT}, eu-west-1`,
        '  image-copier-dead-letters',
        '  2 requests were rejected or given up.',
        '  Why it matters: Copies that were asked for do not exist. SQS deletes the requests after 14 days at most.',
        '  To fix it: See the reasons, and fix what they name. Then put the requests back.',
        '    image-copier dead-letters list --region eu-west-1',
        '    image-copier dead-letters redrive --all --region eu-west-1',
        '',
        '1 account and Region: 1 problem, 0 warnings, 0 notes.',
        '',
      ].join('\n'),
    });
  });

  it('prints the fix in JSON as well', async () => {
    const aws = awsWithCopier(({ key }) => (key.metadata.KeyState = 'Disabled'));
    const { KeyId } = healthyCopier().key.metadata;

    const { code, out } = await run(['doctor', '--json'], { aws });

    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject([
      {
        findings: [
          {
            code: 'KeyDisabled',
            severity: 'problem',
            subject: KeyId,
            what: 'The key is disabled.',
            why: 'Copies fail, and those that exist cannot be launched.',
            fix: 'Enable it.',
            commands: [`aws kms enable-key --key-id ${KeyId} --region eu-west-1`],
          },
        ],
      },
    ]);
  });

  it('ends with exit code 0 for warnings and notes', async () => {
    const aws = awsWithCopier(({ key, alarms }) => {
      key.isRotated = false;
      for (const alarm of alarms) alarm.AlarmActions = [];
    });

    const { code, out } = await run(['doctor'], { aws });

    expect(code).toBe(0);
    expect(out).toMatch(/\n1 account and Region: 0 problems, 1 warning, 1 note\.\n$/);
  });

  it('leaves out what is less grave than --severity, without another exit code', async () => {
    const changes = ({ key, queues }: CopierAnswers) => {
      key.isRotated = false;
      queues.deadLetters.attributes.ApproximateNumberOfMessages = '1';
    };
    const least = async (...args: string[]) => await run(['doctor', ...args], { aws: awsWithCopier(changes) });

    const grave = await least('--severity', 'problem');
    expect(grave).toMatchObject({
      code: 1,
      out: expect.stringMatching(/: 1 problem\. Not shown: 1 warning, 0 notes\.\n$/),
    });
    expect(grave.out).not.toContain('KeyNotRotated');
    const [row] = JSON.parse((await least('--severity', 'problem', '--json')).out) as {
      findings: { code: string }[];
    }[];
    expect(row?.findings.map(({ code }) => code)).toEqual(['DeadLetters']);
    const mild = awsWithCopier(({ key }) => (key.isRotated = false));
    expect(await run(['doctor', '--severity', 'problem'], { aws: mild })).toMatchObject({ code: 0 });
    expect(await least('--severity', 'high')).toMatchObject({
      code: 2,
      err: expect.stringContaining('problem, warning, note'),
    });
  });

  it('finds that nothing is there', async () => {
    const aws = new FakeAws({ ownAccount: ACCOUNT });
    answerNothing(aws.in(ACCOUNT));

    const { code, out } = await run(['doctor', '--name', 'other', '--json'], { aws });

    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject([
      {
        findings: [
          {
            code: 'NoCopier',
            severity: 'problem',
            subject: 'other',
            what: 'There is no copier "other" in eu-west-1 of this account.',
            why: 'No image is copied into this account.',
            fix: 'Apply Terraform again: module source-account with the account in target_account_ids, then module image-copier. Or check the account (--profile, --role-arn), --region and --name.',
            commands: [],
          },
        ],
      },
    ]);
  });
});

describe('doctor for several accounts', () => {
  const args = ['doctor', '--accounts', `${ACCOUNT},${OTHER},${THIRD}`, '--role-name', 'operator'];

  function severalWith(...shas: readonly (string | undefined)[]): FakeAws {
    const aws = new FakeAws();
    for (const [index, accountId] of [ACCOUNT, OTHER, THIRD].entries()) {
      const copier = healthyCopier(accountId);
      const CodeSha256 = shas[index];
      if (CodeSha256 !== undefined) {
        for (const { configuration } of Object.values(copier.functions)) configuration.CodeSha256 = CodeSha256;
      }
      answer(aws.in(accountId), copier);
    }
    return aws;
  }

  it('examines the others when the role of one cannot be assumed', async () => {
    const aws = severalWith();
    const message = 'User is not authorized to perform sts:AssumeRole.';
    aws.close(OTHER, Object.assign(new Error(message), { name: 'AccessDenied' }));

    const { code, out, err } = await run(args, { aws });

    expect(code).toBe(1);
    expect(out.split('\n')).toEqual([
      `Nothing found in ${ACCOUNT}, eu-west-1; ${THIRD}, eu-west-1.`,
      '',
      `Could not be read: ${OTHER}, eu-west-1.`,
      '',
      '3 accounts and Regions: 0 problems, 0 warnings, 0 notes; 1 could not be read.',
      '',
    ]);
    const why = `Access denied: ${message} Allow it there, or choose another --profile or --role-arn.`;
    expect(err).toBe(`${OTHER}, eu-west-1: ${why}\n`);
  });

  it('has a problem in JSON for an account that cannot be read', async () => {
    const aws = severalWith();
    aws.close(OTHER, new Error('broken'));

    const { out } = await run([...args, '--json'], { aws });

    expect(JSON.parse(out)).toMatchObject([
      { accountId: ACCOUNT, problem: null, findings: [] },
      { accountId: OTHER, problem: 'Error: broken.', findings: null },
      { accountId: THIRD, problem: null, findings: [] },
    ]);
  });

  it('finds the account whose code most others do not have', async () => {
    const { code, out } = await run([...args, '--json'], { aws: severalWith('one', 'two', 'one') });

    const rows = JSON.parse(out) as { findings: { code: string; what: string }[] }[];
    // Where there is a zip, none of them has its code.
    expect(rows.map(({ findings }) => findings.filter((each) => each.code !== 'CodeNotBuilt'))).toEqual([
      [],
      [expect.objectContaining({ code: 'CodeDiffers', what: 'The code is not that of the other accounts.' })],
      [],
    ]);
    expect(code).toBe(0);
  });

  it('compares no code with that of an account that cannot be read', async () => {
    const aws = severalWith('one', 'one', 'two');
    aws.close(OTHER, new Error('broken'));

    const { out } = await run([...args, '--json'], { aws });

    const rows = JSON.parse(out) as { findings: { code: string }[] | null }[];
    // Of two that differ nobody knows which is right.
    expect(rows.map(({ findings }) => findings?.some(({ code }) => code === 'CodeDiffers'))).toEqual([
      true,
      undefined,
      true,
    ]);
  });
});
