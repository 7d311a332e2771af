import { paginateGetParametersByPath, type SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod/mini';
import type { Target, Targets } from '../core/image-targets.ts';
import { PARAMETER_PAGE_SIZE } from './ssm-image-parameters.ts';

/** As Terraform writes them: accounts that have the same labels and Regions stand together. */
const groups = z.array(
  z.object({
    ids: z.array(z.string().check(z.regex(/^[0-9]{12}$/))),
    labels: z.record(z.string(), z.string()),
    regions: z.array(z.string()),
  }),
);

/**
 * The target accounts from the parameters that the module source-account writes. Each holds the accounts whose ids end in the same two
 * digits: an account is always in the same one, so that a change is never seen in part.
 */
export class SsmTargets implements Targets {
  readonly #ssm: SSMClient;
  readonly #path: string;

  constructor(ssm: SSMClient, path: string) {
    this.#ssm = ssm;
    this.#path = path;
  }

  /** @throws {Error} naming the parameter that is not as Terraform writes it: then nobody can say who is meant */
  async list(): Promise<Target[]> {
    const targets: Target[] = [];
    const pages = paginateGetParametersByPath(
      { client: this.#ssm, pageSize: PARAMETER_PAGE_SIZE },
      { Path: this.#path },
    );
    for await (const { Parameters = [] } of pages) {
      for (const { Name = '', Value = '' } of Parameters) targets.push(...read(Name, Value));
    }
    return targets;
  }
}

function read(name: string, value: string): Target[] {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch {
    // Nothing is no list either.
  }
  const { data } = groups.safeParse(json);
  if (!data)
    throw new Error(`The parameter ${name} is not as the module source-account writes it. Apply Terraform again.`);
  return data.flatMap(({ ids, labels, regions }) => ids.map((account) => ({ account, labels, regions })));
}
