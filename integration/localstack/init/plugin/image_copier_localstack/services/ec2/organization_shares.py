"""Launch permissions of organizations and their units (EC2 User Guide, "Share an AMI with organizations and OUs")."""

import sys
from collections.abc import Iterator

from moto.ec2.models.amis import Ami

from ..iam.organization import id_of


def is_shared_through_organization(image: Ami, account: str) -> bool:
    """Whether an organization that the account is in, or a unit above it, has launch permission."""
    given = {arn for each in image.launch_permissions for kind, arn in each.items() if kind.startswith("Organization")}
    if not given:
        return False
    organization_id = id_of(account)
    return bool(given & set(arns_above(account))) or (
        organization_id is not None and any(arn.endswith(f":organization/{organization_id}") for arn in given)
    )


def arns_above(account: str) -> Iterator[str]:
    """The ARNs of the account's organization, and of the units that it is in, as Organizations has them."""
    # moto's models of the service take long to import: while nobody has asked for them, there is no organization.
    models = sys.modules.get("moto.organizations.models")
    if models is None:
        return
    manager, partition = models.organizations_backends.master_accounts.get(account, (account, "aws"))
    # Asking moto's own mappings for an account would make it one.
    backend = dict.get(dict.get(models.organizations_backends, manager, {}), partition)
    if backend is None or backend.org is None:
        return
    yield backend.org.arn
    units = {unit.id: unit for unit in backend.ou}
    above = next(member.parent_id for member in backend.accounts if member.id == account)
    while above in units:
        yield units[above].arn
        above = units[above].parent_id
