"""An organization with units and accounts, as tests need it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Organization:
    """An organization, with two units below its root and another below the first."""

    account: str
    client: Any
    id: str
    root: str
    unit: str
    below: str
    other: str

    @property
    def own_arn(self) -> str:
        return f"arn:aws:organizations::{self.account}:organization/{self.id}"

    def arn(self, unit: str) -> str:
        return f"arn:aws:organizations::{self.account}:ou/{self.id}/{unit}"

    def create_account(self, unit: str, **tags: str) -> str:
        """An account in a unit."""
        request = {"AccountName": "web", "Email": "web@example.com"}
        given = [{"Key": key, "Value": value} for key, value in tags.items()]
        status = self.client.create_account(**request, Tags=given)["CreateAccountStatus"]
        account = status["AccountId"]
        self.client.move_account(AccountId=account, SourceParentId=self.root, DestinationParentId=unit)
        return account


def create_organization(localstack, account: str) -> Organization:
    """One that an account makes, and manages."""
    client = localstack.client("organizations", account)
    created = client.create_organization(FeatureSet="ALL")["Organization"]
    root = client.list_roots()["Roots"][0]["Id"]
    unit, other = (create_unit(client, root, name) for name in ("web", "batch"))
    return Organization(account, client, created["Id"], root, unit, create_unit(client, unit, "shop"), other)


def create_unit(client, parent: str, name: str) -> str:
    return client.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"]["Id"]
