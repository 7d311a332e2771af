import type { Tag } from '../../../lambda/src/core/copy-request.ts';
import type { Access, AwsClients } from './aws-clients.ts';

/** An account and a Region in it. */
export interface Environment {
  readonly accountId: string;
  /** The account's name in the accounts file, else its id. */
  readonly account: string;
  readonly region: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The copier of an environment, by the inputs of the Terraform module that it was made with, and the way there. */
export interface Copier extends Environment {
  /** Start of the names of all that belongs to it. */
  readonly name: string;
  readonly parameterPath: string;
  readonly recipeTag: string;
  /** The tags that the account sets on every copy, as far as an accounts file says. */
  readonly copyTags: readonly Tag[];
  readonly aws: AwsClients;
}

/** A copier that options of the command line chose. */
export interface ChosenCopier extends Copier {
  readonly access: Access;
  /** The options of this tool that choose its account, with the way there, and without its Region. */
  readonly chosenBy: readonly string[];
}

/** A line that says which environment it is about. */
export function lineAbout({ account, region }: Pick<Environment, 'account' | 'region'>, line: string): string {
  return `${account}, ${region}: ${line}`;
}
