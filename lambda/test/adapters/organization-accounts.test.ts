import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  ListAccountsForParentCommand,
  ListOrganizationalUnitsForParentCommand,
  ListTagsForResourceCommand,
  OrganizationsClient,
  type Account,
} from '@aws-sdk/client-organizations';
import { mockClient } from 'aws-sdk-client-mock';
import { OrganizationAccounts } from '../../src/adapters/organization-accounts.ts';
import { NOW_MS } from '../factories.ts';

const [WEB, SHOP, TEAM] = ['ou-ab12-11111111', 'ou-ab12-22222222', 'ou-ab12-33333333'];
const [FIRST, SECOND, THIRD] = ['222222222222', '333333333333', '044444444444'];
const regions = ['eu-west-1', 'us-east-1'];
const client = new OrganizationsClient({ region: 'eu-west-1' });
const organizations = mockClient(client);
let nowMs = NOW_MS;

beforeEach(() => {
  organizations.reset();
  organizations.on(ListAccountsForParentCommand).resolves({});
  organizations.on(ListOrganizationalUnitsForParentCommand).resolves({});
  organizations.on(ListTagsForResourceCommand).resolves({});
  nowMs = NOW_MS;
});

const accounts = (...unitIds: string[]) =>
  new OrganizationAccounts(client, { unitIds, regions, readingMs: 60_000, nowMs: () => nowMs });
const active = (Id: string): Account => ({ Id, State: 'ACTIVE' });

/** Sets what is directly in a unit. */
function unit(ParentId: string, Accounts: Account[], below: readonly string[] = []): void {
  organizations.on(ListAccountsForParentCommand, { ParentId }).resolves({ Accounts });
  const OrganizationalUnits = below.map((Id) => ({ Id }));
  organizations.on(ListOrganizationalUnitsForParentCommand, { ParentId }).resolves({ OrganizationalUnits });
}

const labelCalls = () => organizations.commandCalls(ListTagsForResourceCommand).map(({ args }) => args[0].input);

describe('the accounts of units', () => {
  it('are those of the units and of all below them, each once, without a call for labels', async () => {
    unit(WEB, [active(FIRST)], [SHOP]);
    unit(SHOP, [active(SECOND)], [TEAM]);
    unit(TEAM, [active(THIRD)]);

    expect(await accounts(WEB, TEAM).list(false)).toEqual(
      [FIRST, THIRD, SECOND].map((account) => ({ account, regions, labels: {} })),
    );
    expect(organizations.commandCalls(ListAccountsForParentCommand)).toHaveLength(3);
    expect(labelCalls()).toEqual([]);
  });

  it('are on all pages, also after one that is empty', async () => {
    const list = { ParentId: WEB };
    organizations.on(ListAccountsForParentCommand, list).resolves({ Accounts: [], NextToken: 'a' });
    organizations
      .on(ListAccountsForParentCommand, { ...list, NextToken: 'a' })
      .resolves({ Accounts: [active(FIRST)], NextToken: 'b' });
    organizations
      .on(ListAccountsForParentCommand, { ...list, NextToken: 'b' })
      .resolves({ Accounts: [active(SECOND)] });
    organizations.on(ListOrganizationalUnitsForParentCommand, list).resolves({ NextToken: 'c' });
    organizations
      .on(ListOrganizationalUnitsForParentCommand, { ...list, NextToken: 'c' })
      .resolves({ OrganizationalUnits: [{ Id: SHOP }] });
    unit(SHOP, [active(THIRD)]);

    expect((await accounts(WEB).list(false)).map(({ account }) => account)).toEqual([FIRST, SECOND, THIRD]);
  });

  it.each(['PENDING_ACTIVATION', 'SUSPENDED', 'PENDING_CLOSURE', 'CLOSED', undefined] as const)(
    'are those that are active, not in the state %s',
    async (State) => {
      // Status was retired in September 2026: it says nothing.
      unit(WEB, [{ Id: FIRST, ...(State && { State }), Status: 'ACTIVE' }, active(SECOND)]);

      expect((await accounts(WEB).list(false)).map(({ account }) => account)).toEqual([SECOND]);
    },
  );

  it('are not told in part', async () => {
    unit(WEB, [active(FIRST)], [SHOP]);
    organizations.on(ListAccountsForParentCommand, { ParentId: SHOP }).rejects(new Error('TooManyRequestsException'));

    await expect(accounts(WEB).list(false)).rejects.toThrow('TooManyRequestsException');
  });
});

describe('the labels of accounts', () => {
  it('are their tags, on all pages', async () => {
    unit(WEB, [active(FIRST), active(SECOND)]);
    const ResourceId = FIRST;
    organizations
      .on(ListTagsForResourceCommand, { ResourceId })
      .resolves({ Tags: [{ Key: 'wave', Value: 'canary' }], NextToken: 'a' });
    organizations
      .on(ListTagsForResourceCommand, { ResourceId, NextToken: 'a' })
      .resolves({ Tags: [{ Key: 'team', Value: 'web' }] });

    expect(await accounts(WEB).list(true)).toEqual([
      { account: FIRST, regions, labels: { wave: 'canary', team: 'web' } },
      { account: SECOND, regions, labels: {} },
    ]);
  });

  it('are read again after an hour, and at once of an account that is new', async () => {
    unit(WEB, [active(FIRST)]);
    const units = accounts(WEB);
    await units.list(true);
    unit(WEB, [active(FIRST), active(SECOND)]);
    nowMs += 3_599_999;
    await units.list(true);
    expect(labelCalls()).toEqual([{ ResourceId: FIRST }, { ResourceId: SECOND }]);

    nowMs += 1;
    await units.list(true);

    expect(labelCalls().slice(2)).toEqual([{ ResourceId: FIRST }]);
  });

  it('are forgotten with their account', async () => {
    unit(WEB, [active(FIRST)]);
    const units = accounts(WEB);
    await units.list(true);
    unit(WEB, []);
    await units.list(true);
    unit(WEB, [active(FIRST)]);

    await units.list(true);

    expect(labelCalls()).toHaveLength(2);
  });

  it('are read on where the time for it ended', async () => {
    unit(WEB, [active(FIRST), active(SECOND), active(THIRD)]);
    organizations.on(ListTagsForResourceCommand).callsFake(() => {
      nowMs += 30_000;
      return {};
    });
    const units = accounts(WEB);

    await expect(units.list(true)).rejects.toThrow('AWS Organizations could not be read in 60 s.');
    expect(labelCalls()).toHaveLength(2);

    expect(await units.list(true)).toHaveLength(3);
    expect(labelCalls()).toHaveLength(3);
  });

  it('leave no time to units without end', async () => {
    organizations.on(ListOrganizationalUnitsForParentCommand).callsFake(({ ParentId }: { ParentId: string }) => {
      nowMs += 1_000;
      return { OrganizationalUnits: [{ Id: `${ParentId}1` }] };
    });

    await expect(accounts(WEB).list(false)).rejects.toThrow('AWS Organizations could not be read in 60 s.');
  });
});
