import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { makeAdministratorRoles } from '../../scripts/dev/administrator-role.ts';
import { DEMO, ROLE_NAME } from '../../scripts/dev/demo-accounts.ts';
import { withoutAws } from '../../scripts/dev/emulated-account.ts';
import { PYTHON } from '../../scripts/dev/localstack/install.ts';
import { shellPath } from '../../scripts/dev/shells.ts';
import { wayIn } from '../../scripts/dev/way-in.ts';
import { ROOT } from '../../scripts/tool/common/paths.ts';
import { endpoint } from './support/emulator.ts';

/** The lines to type in what `make up` says at its end. */
const typed = wayIn(endpoint(), 'arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify')
  .split('\n')
  .filter((line) => /^ {2}(export|make|aws|\.\/|[A-Z_]+=)/.test(line))
  .map((line) => line.trim());
const exports = typed.filter((line) => line.startsWith('export '));
const commands = typed.filter((line) => !/^(export|make) /.test(line));

const NOTHING_DEPLOYED =
  /^payments, eu-west-1; web, eu-west-1; research, eu-west-1; and 1 other: There is no copier .+\n$/;

beforeAll(async () => {
  await makeAdministratorRoles(endpoint(), ROLE_NAME, [DEMO.sourceAccount, ...DEMO.targetAccounts, DEMO.lateAccount]);
});

describe('what make up says', () => {
  it('names commands of the AWS CLI and of the operators tool', () => {
    expect(typed).toContain('make down');
    expect(exports).toHaveLength(2);
    expect(commands).toEqual([
      expect.stringMatching(/^\.\/scripts\/tool\/image-copier\.mjs status --accounts-file \S+$/),
      expect.stringMatching(/ aws ec2 describe-images /),
    ]);
  });

  it.each(commands.flatMap((command) => (['bash', 'zsh'] as const).map((shell) => [command, shell] as const)))(
    'works as printed: %s, in %s',
    async (command, shell) => {
      // The AWS CLI comes with LocalStack. It finds no Region and no credentials but those that are printed.
      const PATH = [dirname(PYTHON), process.env['PATH']].join(delimiter);
      const env = { ...withoutAws(), HOME: join(ROOT, '.cache', 'nobody'), PATH };
      const child = spawn(shellPath(shell), ['-c', [...exports, command].join('\n')], { cwd: ROOT, env });
      let errors = '';
      child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
      child.stdout.resume();
      const [code] = (await once(child, 'close')) as [number | null];

      // The emulator of the tests has the demo's accounts, with their roles, and no copiers in them.
      if (command.includes(' status ') && code === 1) expect(errors).toMatch(NOTHING_DEPLOYED);
      else expect({ code, errors }).toEqual({ code: 0, errors: '' });
    },
  );
});
