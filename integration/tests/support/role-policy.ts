import { GetRolePolicyCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { emulatedSettings, type EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { endpoint } from './emulator.ts';
import type { FunctionName } from './handler-process.ts';

interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
}

/** Says of an action of a statement whether it is meant. */
type Chosen = (action: string, sid: string) => boolean;

/** What a policy allows, as `statement: action`, sorted. */
export function grantsOf(policy: string): string[] {
  const { Statement } = JSON.parse(policy) as { Statement: readonly Statement[] };
  const allowing = Statement.filter(({ Effect }) => Effect === 'Allow');
  return allowing.flatMap(({ Sid = '', Action }) => [Action].flat().map((action) => `${Sid}: ${action}`)).sort();
}

/** A policy without the chosen actions. A statement that allows nothing any more is left out. */
export function withoutActions(policy: string, isChosen: Chosen): string {
  const { Statement, ...rest } = JSON.parse(policy) as { Statement: readonly Statement[] };
  const left = Statement.map((statement) => ({
    ...statement,
    Action: [statement.Action].flat().filter((action) => !isChosen(action, statement.Sid ?? '')),
  }));
  return JSON.stringify({ ...rest, Statement: left.filter(({ Action }) => Action.length > 0) });
}

/** The inline policy of the role that a function of the copier `image-copier` has in an account. */
export class FunctionRole {
  readonly #iam: IAMClient;
  readonly #names: { readonly RoleName: string; readonly PolicyName: string };

  constructor({ id, region }: EmulatedAccount, functionName: FunctionName) {
    this.#iam = new IAMClient(emulatedSettings(endpoint(), id, region));
    this.#names = { RoleName: `image-copier-${functionName}-${region}`, PolicyName: functionName };
  }

  async policy(): Promise<string> {
    const { PolicyDocument = '' } = await this.#iam.send(new GetRolePolicyCommand(this.#names));
    return decodeURIComponent(PolicyDocument);
  }

  /**
   * Changes the policy until the returned function is called.
   * @throws {Error} if that changes nothing
   */
  async change(change: (policy: string) => string): Promise<() => Promise<void>> {
    const before = await this.policy();
    const after = change(before);
    if (after === before) throw new Error('The policy is as it was.');
    await this.#put(after);
    return () => this.#put(before);
  }

  /** Takes an action out of all statements, or out of one, until the returned function is called. */
  async takeOut(action: string, sid?: string): Promise<() => Promise<void>> {
    return await this.change((policy) =>
      withoutActions(policy, (each, of) => each === action && (sid === undefined || of === sid)),
    );
  }

  async #put(PolicyDocument: string): Promise<void> {
    await this.#iam.send(new PutRolePolicyCommand({ ...this.#names, PolicyDocument }));
  }
}
