import type { Construct } from 'constructs';
import { TerraformProvider } from 'cdktn';
import type { Access } from './stacks.ts';

interface AwsProviderOptions {
  readonly region: string;
  readonly accountId: string;
  readonly access: Access;
}

/**
 * The AWS provider in one Region, with the Region as alias. It has what the stacks need, spelled the same in 5.x and 6.x of the
 * provider; the generated bindings (@cdktn/provider-aws) are 481 MB and for 6.x alone.
 */
export class AwsProvider extends TerraformProvider {
  readonly #options: AwsProviderOptions;

  constructor(scope: Construct, options: AwsProviderOptions) {
    // The version is the modules' to say.
    super(scope, `aws-${options.region}`, { terraformResourceType: 'aws', terraformProviderSource: 'hashicorp/aws' });
    this.#options = options;
  }

  override get alias(): string {
    return this.#options.region;
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    const { region, accountId, access } = this.#options;
    return {
      region,
      allowedAccountIds: [accountId],
      ...('profile' in access ? { profile: access.profile } : { assumeRole: { roleArn: access.roleArn } }),
      defaultTags: { tags: { Project: 'image-copier' } },
    };
  }
}
