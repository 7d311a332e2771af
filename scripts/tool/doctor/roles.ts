import { paginateSimulatePrincipalPolicy, type EvaluationResult, type IAMClient } from '@aws-sdk/client-iam';
import { allOf, isDenied, isError } from '../common/aws-answers.ts';
import { groupBy } from '../common/group-by.ts';
import { inWords, type CheckedCopier, type Finding, type Remedy } from './finding.ts';
import type { RoleCalls } from './role-calls.ts';

/** What IAM says of a role: what it may not do, that it is not there, or nothing because it could not be asked. */
export type RoleFacts =
  { readonly denied: readonly DeniedCall[] } | { readonly isMissing: true } | { readonly unread: string };

/** A call that the role cannot make. */
export interface DeniedCall {
  readonly action: string;
  readonly resource: string;
  /** `explicitDeny` if some policy says so, `implicitDeny` if none allows it. */
  readonly decision: string;
  /** What keeps the role from it whatever its own policies allow. */
  readonly limitedBy?: 'boundary' | 'organization';
}

// IAM API Reference, SimulatePrincipalPolicy, "Errors"; and what an endpoint answers that has no simulator.
const INVALID = ['InvalidInput', 'InvalidInputException'];
const NOT_SIMULATED = ['InvalidAction', ...INVALID, 'PolicyEvaluation', 'PolicyEvaluationException'];

/**
 * Asks IAM's simulator whether the role can make the calls, in as few questions as it can, for IAM throttles early. It
 * looks at the policies and the boundary of the role and at those of the organization, not at those of the resources.
 */
export async function readRole(iam: IAMClient, roleArn: string, calls: readonly RoleCalls[]): Promise<RoleFacts> {
  const denied: DeniedCall[] = [];
  try {
    // One after the other: IAM throttles early.
    const allowed = new Set<RoleCalls>();
    for (const group of groupsOf(calls)) {
      for (const call of await allowedOf(iam, roleArn, group)) allowed.add(call);
    }
    // A group is also asked about resources that an action does not use. What it does not allow is asked about by itself.
    for (const call of calls) if (!allowed.has(call)) denied.push(...(await deniedOf(iam, roleArn, call)));
  } catch (error) {
    if (isError(error, 'NoSuchEntity', 'NoSuchEntityException')) return { isMissing: true };
    if (!isDenied(error) && !isError(error, ...NOT_SIMULATED)) throw error;
    return { unread: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
  return { denied };
}

/**
 * The calls by what one question can hold: its condition keys are those of all its actions, and for `*` IAM answers
 * otherwise than for ARNs (IAM API Reference, SimulatePrincipalPolicy and ResourceSpecificResult).
 */
function groupsOf(calls: readonly RoleCalls[]): RoleCalls[][] {
  return [...groupBy(calls, ({ context, resources }) => JSON.stringify([context, resources.includes('*')])).values()];
}

/** Those calls of a group that are allowed for certain: none where IAM refuses to simulate them together. */
async function allowedOf(iam: IAMClient, roleArn: string, group: readonly RoleCalls[]): Promise<readonly RoleCalls[]> {
  if (group.length === 1) return [];
  try {
    const results = await simulate(iam, roleArn, group);
    return group.filter(({ actions, resources }) =>
      actions.every((action) => resources.every((resource) => isAllowed(results, action, resource))),
    );
  } catch (error) {
    // It then says that they "require different authorization information". Which do is not documented.
    if (isError(error, ...INVALID)) return [];
    throw error;
  }
}

function isAllowed(results: readonly EvaluationResult[], action: string, resource: string): boolean {
  const result = results.find(({ EvalActionName }) => EvalActionName === action);
  if (result?.EvalDecision === 'allowed') return true;
  return (
    result !== undefined &&
    result.OrganizationsDecisionDetail?.AllowedByOrganizations !== false &&
    (result.ResourceSpecificResults ?? []).some(
      (each) => each.EvalResourceName === resource && each.EvalResourceDecision === 'allowed',
    )
  );
}

async function deniedOf(iam: IAMClient, roleArn: string, call: RoleCalls): Promise<DeniedCall[]> {
  const results = await simulate(iam, roleArn, [call]);
  return results.flatMap((result) =>
    deniedOn(result, call.resources).map((denied) => ({
      action: result.EvalActionName ?? '',
      ...denied,
      ...limitOf(result),
    })),
  );
}

function limitOf(result: EvaluationResult): Pick<DeniedCall, 'limitedBy'> {
  if (result.OrganizationsDecisionDetail?.AllowedByOrganizations === false) return { limitedBy: 'organization' };
  const isOutside = result.PermissionsBoundaryDecisionDetail?.AllowedByPermissionsBoundary === false;
  return isOutside ? { limitedBy: 'boundary' } : {};
}

/** Asks about each action on each resource, of calls that have the same context. */
async function simulate(
  iam: IAMClient,
  PolicySourceArn: string,
  calls: readonly RoleCalls[],
): Promise<EvaluationResult[]> {
  const input = {
    PolicySourceArn,
    ActionNames: [...new Set(calls.flatMap(({ actions }) => actions))],
    ResourceArns: [...new Set(calls.flatMap(({ resources }) => resources))],
    ContextEntries: [...(calls[0]?.context ?? [])],
  };
  return await allOf(paginateSimulatePrincipalPolicy({ client: iam }, input), (page) => page.EvaluationResults);
}

/**
 * The resources that an action is denied on. By itself a result holds the most restrictive decision on all resources that
 * were asked about, and none of their names (IAM API Reference, EvaluationResult).
 */
function deniedOn(
  { EvalDecision, ResourceSpecificResults = [] }: EvaluationResult,
  asked: readonly string[],
): Pick<DeniedCall, 'resource' | 'decision'>[] {
  if (EvalDecision === 'allowed') return [];
  const decision = EvalDecision ?? '';
  const denied = ResourceSpecificResults.filter(({ EvalResourceDecision }) => EvalResourceDecision !== 'allowed');
  // `*` has no results of its own.
  if (denied.length === 0) return asked.map((resource) => ({ resource, decision }));
  return denied.map(({ EvalResourceName = '', EvalResourceDecision }) => ({
    resource: EvalResourceName,
    decision: EvalResourceDecision ?? decision,
  }));
}

/** Checks the role of a function. */
export function checkRole(roleArn: string, facts: RoleFacts, copier: CheckedCopier): Finding[] {
  if ('unread' in facts) return [unreadRole(roleArn, facts.unread)];
  if ('isMissing' in facts) {
    return [
      {
        code: 'NoRole',
        severity: 'problem',
        subject: roleArn,
        what: 'The role of the function does not exist.',
        why: 'Lambda cannot run the function.',
        ...copier.apply,
      },
    ];
  }
  if (facts.denied.length === 0) return [];
  return [
    {
      code: 'RoleLacksActions',
      severity: 'problem',
      subject: roleArn,
      what: `The role may not ${listOfCalls(facts.denied)}.`,
      why: 'The function calls these, and fails.',
      ...remedyFor(facts.denied, copier),
    },
  ];
}

function remedyFor(denied: readonly DeniedCall[], { apply }: CheckedCopier): Remedy {
  if (denied.some(({ limitedBy }) => limitedBy === 'organization'))
    return inWords('Allow them in the service control policies of the organization.');
  if (denied.some(({ decision }) => decision === 'explicitDeny'))
    return { ...apply, fix: `Take away the Deny in the role's policies or permissions boundary. Or: ${apply.fix}` };
  if (denied.some(({ limitedBy }) => limitedBy === 'boundary'))
    return inWords('Allow them in the permissions boundary of the role (permissions_boundary_arn).');
  return apply;
}

/** Says that a role could not be checked. Operators often may not simulate policies, so it is no more than a note. */
export function unreadRole(subject: string, reason: string): Finding {
  return {
    code: 'RoleUnchecked',
    severity: 'note',
    subject,
    what: `IAM could not be asked what the role may do. ${reason}`,
    why: 'It may lack a permission that the function needs.',
    ...inWords('Allow iam:SimulatePrincipalPolicy for whoever runs this command.'),
  };
}

/** Each action once, with the resources that it is denied on. */
export function listOfCalls(denied: readonly DeniedCall[]): string {
  const resources = new Map<string, string[]>();
  for (const { action, resource } of denied) resources.set(action, [...(resources.get(action) ?? []), resource]);
  return Array.from(resources, ([action, on]) => `${action} on ${on.join(' and ')}`).join('; ');
}
