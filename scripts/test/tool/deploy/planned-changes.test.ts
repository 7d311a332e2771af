import { describe, expect, it } from '@jest/globals';
import { formatPlanned } from '../../../tool/deploy/planned-changes.ts';
import { changesIn, type ResourceChange } from '../../../tool/deploy/resource-changes.ts';
import type { StackReport } from '../../../tool/deploy/roll-out.ts';
import { stack } from './stacks.ts';

// As Terraform 1.11 prints it.
const PLAN = `
Terraform used the selected providers to generate the following execution
plan. Resource actions are indicated with the following symbols:
  + create
-/+ destroy and then create replacement

Terraform will perform the following actions:

  # module.image-copier-eu-west-1.aws_iam_role.function["a b"] will be created
  + resource "aws_iam_role" "function" {
    }

  # module.image-copier-eu-west-1.aws_kms_key.copies[0] must be replaced
-/+ resource "aws_kms_key" "copies" {
    }

  # module.image-copier-eu-west-1.aws_sqs_queue.one is tainted, so must be replaced
  # module.image-copier-eu-west-1.aws_sqs_queue.two will be replaced, as requested
  # module.image-copier-eu-west-1.aws_sqs_queue.three will be replaced due to changes in replace_triggered_by
  # module.image-copier-eu-west-1.aws_sqs_queue.requests will be updated in-place
  ~ resource "aws_sqs_queue" "requests" {
      # (2 unchanged attributes hidden)
    }

  # module.image-copier-eu-west-1.aws_sqs_queue.old will be destroyed
  # (because aws_sqs_queue.old is not in configuration)
  - resource "aws_sqs_queue" "old" {
    }

  # module.image-copier-eu-west-1.data.aws_iam_policy_document.key will be read during apply
  # (depends on a resource or a module with changes pending)
  # module.image-copier-eu-west-1.aws_sqs_queue.a has moved to module.image-copier-eu-west-1.aws_sqs_queue.b

Plan: 5 to add, 1 to change, 5 to destroy.
`;

const create = (address: string): ResourceChange => ({ address, action: 'create' });

function planned(name: string, resources: readonly ResourceChange[]): StackReport {
  const changes = { added: 0, changed: 0, destroyed: 0, ...(resources.length > 0 && { resources }) };
  return { stack: stack(name), result: 'planned', changes };
}

const inRegion = (region: string, ...resources: readonly ResourceChange[]) =>
  resources.map(({ address, action }) => ({ address: `module.image-copier-${region}.${address}`, action }));

describe('changesIn', () => {
  it('finds what a plan does to which resource', () => {
    const short = changesIn(PLAN).map(
      ({ address, action }) => `${action} ${address.slice(address.indexOf('.aws') + 1)}`,
    );

    expect(short).toEqual([
      'create aws_iam_role.function["a b"]',
      'replace aws_kms_key.copies[0]',
      'replace aws_sqs_queue.one',
      'replace aws_sqs_queue.two',
      'replace aws_sqs_queue.three',
      'update aws_sqs_queue.requests',
      'destroy aws_sqs_queue.old',
    ]);
  });
});

describe('formatPlanned', () => {
  it('shows once what is the same in several accounts and Regions, the gravest first', () => {
    const same = [create('aws_sqs_queue.a'), { address: 'aws_kms_key.copies[0]', action: 'destroy' } as const];

    expect(
      formatPlanned([
        planned('payments', [...inRegion('eu-west-1', ...same), ...inRegion('us-east-1', ...same)]),
        planned('web', inRegion('eu-west-1', ...same)),
        planned('late', inRegion('eu-west-1', create('aws_sqs_queue.a'))),
        planned('unchanged', []),
        { stack: stack('broken'), result: 'failed' },
      ]),
    ).toBe(`\
payments (eu-west-1, us-east-1), web (eu-west-1):
  DESTROY
    aws_kms_key.copies[0]
  create
    aws_sqs_queue.a

late (eu-west-1):
  create
    aws_sqs_queue.a`);
  });

  it('orders by what is done, then by address', () => {
    const resources = (['create', 'update', 'replace', 'destroy'] as const).flatMap((action) => [
      { address: `aws_sqs_queue.z`, action },
      { address: `aws_sqs_queue.a`, action },
    ]);

    expect(
      formatPlanned([planned('web', inRegion('eu-west-1', ...resources))])
        ?.split('\n')
        .slice(1),
    ).toEqual(
      ['DESTROY', 'REPLACE', 'update', 'create'].flatMap((action) => [
        `  ${action}`,
        '    aws_sqs_queue.a',
        '    aws_sqs_queue.z',
      ]),
    );
  });

  it('says nothing where nothing would change', () => {
    expect(formatPlanned([planned('web', [])])).toBeUndefined();
  });
});
