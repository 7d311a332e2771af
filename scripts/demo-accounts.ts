import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { emulatedEnvironment, withoutAws } from './emulated-account.ts';
import { ROOT } from './paths.ts';
import { TerraformRoot } from './terraform.ts';

/** The accounts of the demo, which are also the defaults of the example that is applied. */
export const DEMO = {
  region: 'eu-west-1',
  sourceAccount: '111111111111',
  targetAccounts: ['222222222222', '333333333333', '444444444444'],
} as const;

/** What the example `several-accounts` puts out. */
export interface AppliedAccounts {
  readonly requestTopicArn: string;
  readonly resultsTopicArn: string;
  /** By account id. */
  readonly copiers: Readonly<Record<string, AppliedCopier>>;
}

export interface AppliedCopier {
  readonly key_arn: string;
  readonly key_alias: string;
  readonly queue_url: string;
  readonly dead_letter_queue_url: string;
  readonly function_name: string;
  readonly log_group_name: string;
}

/** The example that gives a source account and three target accounts their part of Image Copier. */
export function severalAccounts(
  endpoint: string,
  workDirectory: string,
  variables: Readonly<Record<string, unknown>> = {},
): TerraformRoot {
  return new TerraformRoot({
    directory: join(ROOT, 'terraform', 'examples', 'several-accounts'),
    workDirectory,
    variables,
    // LocalStack asks for no existing role, so an account of its own assumes those of the others, as on AWS.
    env: { ...withoutAws(), ...emulatedEnvironment(endpoint, '999999999999', DEMO.region) },
  });
}

/** Whether the demo's accounts were applied in an emulator's folder before. */
export function isApplied(workDirectory: string): boolean {
  return existsSync(join(workDirectory, 'terraform', 'terraform.tfstate'));
}

/** Gives the demo's accounts their part, and tells how far that is every ten seconds. */
export async function applyDemoAccounts(root: TerraformRoot, report: (line: string) => void): Promise<AppliedAccounts> {
  const { sourceAccount, targetAccounts } = DEMO;
  report(
    `Applying source account ${sourceAccount} and target accounts ${targetAccounts.join(', ')} with Terraform ...`,
  );
  let progress = '';
  const ticker = setInterval(() => {
    report(`... ${progress || 'planning'}`);
  }, 10_000);
  try {
    await root.init();
    await root.apply((done, planned) => {
      progress = `${done} of ${planned} resources stand`;
    });
  } finally {
    clearInterval(ticker);
  }
  report(progress === '' ? 'Nothing was to be changed.' : `Applied: ${progress}.`);
  return await appliedAccounts(root);
}

export async function appliedAccounts(root: TerraformRoot): Promise<AppliedAccounts> {
  const outputs = await root.outputs();
  return {
    requestTopicArn: outputs['request_topic_arn'] as string,
    resultsTopicArn: outputs['results_topic_arn'] as string,
    copiers: outputs['copiers'] as Record<string, AppliedCopier>,
  };
}
