import { describe, expect, it } from '@jest/globals';
import {
  IAMClient,
  IAMServiceException,
  SimulatePrincipalPolicyCommand,
  type EvaluationResult,
  type PolicyEvaluationDecisionType,
  type SimulatePrincipalPolicyCommandInput,
} from '@aws-sdk/client-iam';
import { mockClient } from 'aws-sdk-client-mock';
import { COPY_IMAGE_ACTIONS, RETIRE_IMAGE_ACTIONS, SETTLE_COPY_ACTIONS } from '../../../tool/doctor/called-actions.ts';
import { copyImageCalls, retireImageCalls, settleCopyCalls, type RoleCalls } from '../../../tool/doctor/role-calls.ts';
import { checkRole, readRole } from '../../../tool/doctor/roles.ts';
import { ACCOUNT, codes, KEY, COPIER } from './facts.ts';

const ROLE = `arn:aws:iam::${ACCOUNT}:role/image-copier-copy-image-eu-west-1`;
const WORK = {
  keyArn: KEY,
  parameterPath: '/image-copier',
  resultsTopicArn: 'arn:aws:sns:eu-west-1:1:results',
  deprecates: true,
};
const CALLS = [{ actions: ['ec2:CopyImage', 'ec2:CreateTags'], resources: ['image', 'snapshot'], context: [] }];

function answers(...results: Partial<EvaluationResult>[]) {
  const iam = mockClient(IAMClient);
  iam.on(SimulatePrincipalPolicyCommand).resolves({ EvaluationResults: results as EvaluationResult[] });
  return readRole(new IAMClient({ region: 'eu-west-1' }), ROLE, CALLS);
}

const failure = (name: string) =>
  new IAMServiceException({ name, message: 'said IAM', $fault: 'client', $metadata: {} });

function fails(name: string) {
  const iam = mockClient(IAMClient);
  iam.on(SimulatePrincipalPolicyCommand).rejects(failure(name));
  return readRole(new IAMClient({ region: 'eu-west-1' }), ROLE, CALLS);
}

/** As IAM answers for several resources (IAM API Reference, EvaluationResult): by itself it names none of them. */
const denied = (changes: Partial<EvaluationResult> = {}, ...on: string[]) => ({
  EvalActionName: 'ec2:CopyImage',
  EvalResourceName: 'arn:aws:ec2:${Region}:${Account}:${ResourceType}/${ResourcePath}',
  EvalDecision: 'implicitDeny' as const,
  ResourceSpecificResults: ['image', 'snapshot'].map((EvalResourceName) => ({
    EvalResourceName,
    EvalResourceDecision: on.includes(EvalResourceName) ? ('implicitDeny' as const) : ('allowed' as const),
  })),
  ...changes,
});

describe('the role of a function', () => {
  it('may do all that is asked', async () => {
    expect(checkRole(ROLE, await answers(denied({ EvalDecision: 'allowed' })), COPIER)).toEqual([]);
  });

  it('may not do some of it', async () => {
    const facts = await answers(denied({}, 'image', 'snapshot'), denied({ EvalActionName: 'ec2:CreateTags' }, 'image'));

    expect(checkRole(ROLE, facts, COPIER)).toMatchObject([
      {
        code: 'RoleLacksActions',
        severity: 'problem',
        what: 'The role may not ec2:CopyImage on image and snapshot; ec2:CreateTags on image.',
        ...COPIER.apply,
      },
    ]);
  });

  it('may not do it at all, on whatever resource', async () => {
    const facts = await answers(denied({ EvalResourceName: '*', ResourceSpecificResults: undefined }));
    expect(facts).toMatchObject({ denied: [{ resource: 'image' }, { resource: 'snapshot' }] });
  });

  it('may not do what stands on the second page of the answer', async () => {
    const iam = mockClient(IAMClient);
    const pages = [denied({ EvalDecision: 'allowed' }), denied({ EvalActionName: 'ec2:CreateTags' }, 'snapshot')];
    iam
      .on(SimulatePrincipalPolicyCommand)
      .resolves({ EvaluationResults: pages.slice(0, 1), IsTruncated: true, Marker: 'more' })
      .on(SimulatePrincipalPolicyCommand, { Marker: 'more' })
      .resolves({ EvaluationResults: pages.slice(1) });

    expect(await readRole(new IAMClient({ region: 'eu-west-1' }), ROLE, CALLS)).toMatchObject({
      denied: [{ action: 'ec2:CreateTags', resource: 'snapshot' }],
    });
  });

  it.each<[Partial<EvaluationResult>, RegExp]>([
    [
      {
        EvalDecision: 'explicitDeny',
        ResourceSpecificResults: [{ EvalResourceName: 'image', EvalResourceDecision: 'explicitDeny' }],
      },
      /permissions boundary/,
    ],
    [{ OrganizationsDecisionDetail: { AllowedByOrganizations: false } }, /service control policies/],
    [{ PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: false } }, /permissions_boundary_arn/],
  ])('is fixed where it is denied: %j', async (changes, fix) => {
    const [finding] = checkRole(ROLE, await answers(denied(changes)), COPIER);
    expect(finding?.fix).toMatch(fix);
  });

  it('is missing', async () => {
    expect(codes(checkRole(ROLE, await fails('NoSuchEntityException'), COPIER))).toEqual(['NoRole']);
  });

  it('cannot be asked about, which is no more than a note', async () => {
    expect(checkRole(ROLE, await fails('AccessDenied'), COPIER)).toMatchObject([
      { code: 'RoleUnchecked', severity: 'note' },
    ]);
  });

  it('is not taken for good when IAM cannot be reached', async () => {
    await expect(fails('Throttling')).rejects.toThrow('said IAM');
  });
});

describe('the calls that are asked about', () => {
  it.each([
    ['copy-image', copyImageCalls(WORK, COPIER), COPY_IMAGE_ACTIONS],
    ['retire-image', retireImageCalls(WORK, COPIER), RETIRE_IMAGE_ACTIONS],
    ['settle-copy', settleCopyCalls(WORK, COPIER), SETTLE_COPY_ACTIONS],
  ])('hold each action that %s calls, and the polling of its queue', (_, calls, actions) => {
    const asked = calls.flatMap((call) => call.actions);
    expect(asked).toEqual(expect.arrayContaining([...actions, 'sqs:ReceiveMessage', 'logs:PutLogEvents']));
    expect(calls.every(({ resources }) => resources.length > 0)).toBe(true);
  });

  it('leave out what the copier does not have', () => {
    const none = { keyArn: undefined, parameterPath: '/x', resultsTopicArn: undefined, deprecates: false };
    expect(copyImageCalls(none, COPIER).flatMap(({ actions }) => actions)).not.toContain('kms:CreateGrant');
    for (const calls of [retireImageCalls(none, COPIER), settleCopyCalls(none, COPIER)]) {
      expect(calls.flatMap(({ actions }) => actions)).not.toContain('sns:Publish');
    }
    expect(settleCopyCalls(none, COPIER).flatMap(({ actions }) => actions)).not.toContain('ec2:EnableImageDeprecation');
  });

  it('are of one service each, for IAM does not simulate all actions together', () => {
    for (const { actions } of [...copyImageCalls(WORK, COPIER), ...settleCopyCalls(WORK, COPIER)]) {
      expect(new Set(actions.map((action) => action.split(':')[0])).size).toBe(1);
    }
  });
});

describe('the questions about the calls', () => {
  const COPYING = copyImageCalls(WORK, COPIER);
  const RETIRING = retireImageCalls(WORK, COPIER);
  const SETTLING = settleCopyCalls(WORK, COPIER);
  const QUEUE = `arn:aws:sqs:eu-west-1:${ACCOUNT}:image-copier-dead-letters`;
  type Question = SimulatePrincipalPolicyCommandInput;
  type Decide = (action: string, resource: string, question: Question) => PolicyEvaluationDecisionType;

  /** IAM as its API Reference has it (SimulatePrincipalPolicy, EvaluationResult). */
  function simulator(decide: Decide, organization: Partial<Record<string, boolean>> = {}) {
    const iam = mockClient(IAMClient);
    iam.on(SimulatePrincipalPolicyCommand).callsFake((question: Question) => {
      const { ActionNames = [], ResourceArns = [] } = question;
      return {
        EvaluationResults: ActionNames.map((EvalActionName): EvaluationResult => {
          const decisions = ResourceArns.map((arn) => decide(EvalActionName, arn, question));
          const AllowedByOrganizations = organization[EvalActionName] ?? true;
          return {
            EvalActionName,
            EvalResourceName: ResourceArns.length === 1 ? ResourceArns[0] : '*',
            EvalDecision:
              (['explicitDeny', 'implicitDeny'] as const).find((each) => decisions.includes(each)) ??
              (AllowedByOrganizations ? 'allowed' : 'implicitDeny'),
            OrganizationsDecisionDetail: { AllowedByOrganizations },
            ResourceSpecificResults:
              ResourceArns[0] === '*'
                ? undefined
                : ResourceArns.map((EvalResourceName, index) => ({
                    EvalResourceName,
                    EvalResourceDecision: decisions[index],
                  })),
          };
        }),
      };
    });
    const questions = () => iam.commandCalls(SimulatePrincipalPolicyCommand).map(({ args }) => args[0].input);
    return { questions, read: (calls: readonly RoleCalls[]) => readRole(new IAMClient({}), ROLE, calls) };
  }

  const isAsked = (calls: readonly RoleCalls[], action: string, resource: string) =>
    calls.some(({ actions, resources }) => actions.includes(action) && resources.includes(resource));

  it.each([
    ['copy-image', COPYING, 6],
    ['retire-image', RETIRING, 12],
    ['settle-copy', SETTLING, 13],
  ])('are few for %s', async (_, calls, count) => {
    const { read, questions } = simulator(() => 'allowed');
    expect(await read(calls)).toEqual({ denied: [] });
    expect(questions()).toHaveLength(count);
  });

  it.each([
    ['copy-image', COPYING],
    ['retire-image', RETIRING],
    ['settle-copy', SETTLING],
  ])('of %s hold each call with its own condition keys, and nothing twice', async (_, calls) => {
    const { read, questions } = simulator(() => 'allowed');
    await read(calls);

    for (const { actions, resources, context } of calls) {
      expect(questions()).toContainEqual({
        PolicySourceArn: ROLE,
        ActionNames: expect.arrayContaining([...actions]) as unknown,
        ResourceArns: expect.arrayContaining([...resources]) as unknown,
        ContextEntries: context,
      });
    }
    for (const { ActionNames = [], ResourceArns = [] } of questions()) {
      expect([...new Set(ActionNames)]).toEqual(ActionNames);
      expect([...new Set(ResourceArns)]).toEqual(ResourceArns);
      // IAM says of `*` what it says of no ARN (IAM API Reference, ResourceSpecificResult).
      expect(ResourceArns.includes('*')).toBe(ResourceArns.length === 1 && ResourceArns[0] === '*');
    }
  });

  it('find nothing in what a role may not do on a resource that it does not use', async () => {
    const { read, questions } = simulator((action, resource) =>
      isAsked(SETTLING, action, resource) ? 'allowed' : 'implicitDeny',
    );
    expect(await read(SETTLING)).toEqual({ denied: [] });
    expect(questions()).toHaveLength(13);
  });

  it('are asked again for a call that is denied, by itself', async () => {
    const { read, questions } = simulator((action, resource) =>
      action === 'sqs:SendMessage' && resource === QUEUE ? 'explicitDeny' : 'allowed',
    );
    expect(await read(COPYING)).toEqual({
      denied: [{ action: 'sqs:SendMessage', resource: QUEUE, decision: 'explicitDeny' }],
    });
    expect(questions()).toHaveLength(7);
    expect(questions()).toContainEqual(
      expect.objectContaining({ ActionNames: ['sqs:SendMessage'], ResourceArns: [QUEUE] }),
    );
  });

  it('tell of each call what it is denied by itself, whatever it is asked with', async () => {
    const isMeant = (_: string, __: string, { ActionNames = [] }: Question) =>
      ActionNames.length === 1 ? 'implicitDeny' : 'explicitDeny';
    const facts = await simulator(isMeant).read(SETTLING);

    if (!('denied' in facts)) throw new Error('nothing was told');
    // In the order of the calls.
    expect(facts.denied.map(({ action, resource }) => [action, resource])).toEqual(
      SETTLING.flatMap(({ actions, resources }) =>
        actions.flatMap((action) => resources.map((resource) => [action, resource])),
      ),
    );
    expect(facts.denied.find(({ action }) => action === 'sns:Publish')?.decision).toBe('implicitDeny');
  });

  it('see what the organization alone denies', async () => {
    const { read } = simulator(() => 'allowed', { 'sns:Publish': false });
    expect(await read(SETTLING)).toEqual({
      denied: [
        { action: 'sns:Publish', resource: WORK.resultsTopicArn, decision: 'implicitDeny', limitedBy: 'organization' },
      ],
    });
  });

  it('are asked one by one where IAM refuses to simulate actions together', async () => {
    const { read, questions } = simulator((_, __, { ActionNames = [] }) => {
      if (new Set(ActionNames.map((name) => name.split(':')[0])).size === 1) return 'allowed';
      throw failure('InvalidInput');
    });
    expect(await read(SETTLING)).toEqual({ denied: [] });
    expect(new Set(questions().flatMap(({ ActionNames = [] }) => ActionNames))).toEqual(
      new Set(SETTLING.flatMap(({ actions }) => actions)),
    );
  });

  it('are given up when IAM refuses one', async () => {
    const { read, questions } = simulator(() => {
      throw failure('AccessDenied');
    });
    expect(await read(COPYING)).toHaveProperty('unread');
    expect(questions()).toHaveLength(1);
  });
});
