"""Units and accounts of an organization (Organizations API Reference)."""

from ec2_images import error_code
from identities import Identities, allow, denial, not_allowed


def listed(client, operation: str, member: str, parent: str) -> list[list[str]]:
    pages = client.get_paginator(operation).paginate(ParentId=parent)
    return [[each["Id"] for each in page[member]] for page in pages]


def test_lists_what_is_directly_in_a_unit(organization):
    """ListAccountsForParent: "This operation doesn't return accounts in child OUs"."""
    first, second = organization.create_account(organization.unit), organization.create_account(organization.below)

    units = [organization.unit, organization.below]
    accounts = [listed(organization.client, "list_accounts_for_parent", "Accounts", unit) for unit in units]
    below = [
        listed(organization.client, "list_organizational_units_for_parent", "OrganizationalUnits", unit)
        for unit in [organization.root, *units]
    ]

    assert accounts == [[[first]], [[second]]]
    assert below == [[[organization.unit, organization.other]], [[organization.below]], [[]]]


def test_pages_have_twenty_accounts(organization):
    """MaxResults: "Maximum value of 20"."""
    created = [organization.create_account(organization.unit) for _ in range(21)]

    pages = listed(organization.client, "list_accounts_for_parent", "Accounts", organization.unit)

    assert [len(page) for page in pages] == [20, 1]
    assert sorted(account for page in pages for account in page) == sorted(created)


def test_account_that_is_closed_is_suspended(organization):
    """Account: State."""
    organization.create_account(organization.unit)
    closed = organization.create_account(organization.unit)
    organization.client.close_account(AccountId=closed)

    accounts = organization.client.list_accounts_for_parent(ParentId=organization.unit)["Accounts"]

    assert [(each["State"], each["Id"] == closed) for each in accounts] == [("ACTIVE", False), ("SUSPENDED", True)]


def test_tags_of_an_account(organization):
    """ListTagsForResource."""
    account = organization.create_account(organization.unit, wave="canary")

    tags = organization.client.list_tags_for_resource(ResourceId=account)["Tags"]

    assert tags == [{"Key": "wave", "Value": "canary"}]


def test_a_unit_that_is_not_there(organization):
    """ParentNotFoundException."""
    unit = "ou-ab12-1a2b3c4d"
    assert error_code(organization.client.list_accounts_for_parent, ParentId=unit) == "ParentNotFoundException"


def test_other_accounts_read_nothing(localstack, new_account, organization):
    """AccessDeniedException for a member, AWSOrganizationsNotInUseException for an account of no organization."""
    member, stranger = organization.create_account(organization.unit), new_account()

    codes = [
        error_code(localstack.client("organizations", account).list_accounts_for_parent, ParentId=organization.unit)
        for account in (member, stranger)
    ]

    assert codes == ["AccessDeniedException", "AWSOrganizationsNotInUseException"]


def test_reading_needs_a_right_on_the_unit(localstack, organization):
    """Service Authorization Reference, AWS Organizations: resource types organizationalunit and root."""
    action, arn = "organizations:ListAccountsForParent", organization.arn(organization.below)
    worker = Identities(localstack, organization.account).role(allow(action, organization.arn(organization.unit)))
    client = worker.client("organizations")

    client.list_accounts_for_parent(ParentId=organization.unit)

    answer = denial(client.list_accounts_for_parent, ParentId=organization.below)
    assert answer == ("AccessDeniedException", not_allowed(worker.arn, action, arn))
