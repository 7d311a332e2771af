import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TerraformRoot } from '../tool/deploy/terraform-root.ts';
import { ROOT } from '../tool/common/paths.ts';
import { withoutAws } from './emulated-account.ts';

const MODULE = join(ROOT, 'terraform', 'modules', 'policies');

/** The document that is made of the policies. */
export const PERMISSIONS = join(ROOT, 'docs', 'permissions.md');

/** A policy as the Terraform module writes it: a list of one is its item. */
interface Policy {
  readonly Statement: readonly Statement[];
}

interface Statement {
  readonly Sid: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** What each policy is for, in the order of the document. */
const USES: Readonly<Record<string, string>> = {
  'deploy-source': 'The role that Terraform, or `image-copier deploy` and `destroy`, has in the source account.',
  'deploy-target':
    'The role that Terraform, or `image-copier deploy` and `destroy`, has in each target account. It makes the roles of the ' +
    'functions and writes their policies, so whoever has it can give the functions any right: trust it as an administrator.',
  read: 'The role of whoever runs `status`, `fleet`, `doctor`, `history` and `dead-letters list`, in the source account and in each target account.',
  request:
    'The role in the source account of whoever runs `request` or `backfill`. In the target accounts, `backfill` and ' +
    '`request --wait` need `read` or `operate`; `request` alone reads with it what was retired or revoked in them, and whether they see an image that an organization shares.',
  operate:
    'The role in each target account of whoever runs `dead-letters redrive`, `dead-letters discard`, `promote`, `rollback` and ' +
    '`backfill`, and, together with `read`, of whoever runs what `doctor` prints.',
  retire:
    'The role in each target account of whoever runs `retire` or `restore`; beside `read` it lets `status` say why copies stay that are to go.',
  revoke:
    'The role in the source account of whoever runs `revoke` or `unrevoke`. They need none in the target accounts.',
};

/** The actions that a policy allows, sorted. */
export function actionsOf(json: string): string[] {
  const { Statement } = JSON.parse(json) as Policy;
  return Array.from(new Set(Statement.flatMap(({ Action }) => Action))).sort();
}

/**
 * Has Terraform write the policies of terraform/modules/policies, without any call to AWS.
 * @param inputs of the module; what is not named has its default
 * @returns the documents as JSON, by name
 */
export async function renderPolicies(
  workDirectory: string,
  inputs: Readonly<Record<string, string>> = {},
  env = withoutAws(),
): Promise<Record<string, string>> {
  const directory = join(workDirectory, 'policies');
  mkdirSync(directory, { recursive: true });
  const configuration = {
    provider: {
      aws: {
        region: 'eu-west-1',
        access_key: 'none',
        secret_key: 'none',
        skip_credentials_validation: true,
        skip_metadata_api_check: true,
        skip_requesting_account_id: true,
      },
    },
    module: { policies: { source: MODULE, ...inputs } },
    output: { policies: { value: '${module.policies.policies}' } },
  };
  writeFileSync(join(directory, 'main.tf.json'), JSON.stringify(configuration));
  const root = new TerraformRoot({ directory, workDirectory: directory, variables: {}, env });
  await root.init();
  await root.apply();
  const { policies } = await root.outputs();
  return policies as Record<string, string>;
}

/** The document of the policies. */
export function formatPermissions(policies: Readonly<Record<string, string>>): string {
  const parts = Object.entries(USES).map(([name, use]) => `## ${name}\n\n${use}\n\n${tableOf(policies[name] ?? '')}`);
  return `${INTRODUCTION}\n<!-- prettier-ignore-start -->\n\n${parts.join('\n\n')}\n\n<!-- prettier-ignore-end -->\n`;
}

const INTRODUCTION = `# Permissions

<!-- \`make docs\` writes this from terraform/modules/policies. -->

What each role needs, and nothing more, as the module [policies](../terraform/modules/policies/README.md) writes it. Tests deploy and
operate with these policies alone, and take out each single action: then Terraform fails, or a command says what it could not do. Shown
are the default names; the module puts in yours. \`*\` in the place of a Region or an account is any: a policy gives nothing in the accounts of
others unless they allow it too. What service control policies and boundaries take away from them is in [guardrails.md](guardrails.md).
`;

function tableOf(json: string): string {
  const { Statement } = JSON.parse(json) as Policy;
  const rows = Statement.map(({ Sid, Action, Resource, Condition = {} }) =>
    [Sid, lines(Action), lines(Resource), conditionsOf(Condition)].join(' | '),
  );
  return ['| For | Actions | On | If |', '|-----|---------|----|----|', ...rows.map((row) => `| ${row} |`)].join('\n');
}

function conditionsOf(conditions: NonNullable<Statement['Condition']>): string {
  return Object.entries(conditions)
    .flatMap(([test, keys]) =>
      Object.entries(keys).map(([key, values]) => `${test} \`${key}\`: ${[values].flat().map(code).join(', ')}`),
    )
    .join('<br>');
}

function lines(values: string | readonly string[]): string {
  return Array.from([values].flat()).sort().map(code).join('<br>');
}

function code(text: string): string {
  return `\`${text}\``;
}
