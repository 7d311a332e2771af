"""AWS Organizations: what reads units and accounts, on each of them (Service Authorization Reference)."""

from .request import Check, Operations, Request, named


def read(request: Request) -> list[Check]:
    """The ARN has the ids of the organization and its management account. What is not there has none."""
    # Here, for moto's models take long to import, and the first request of the service does it.
    from moto.organizations.models import organizations_backends

    backend = organizations_backends[request.account][request.partition]
    wanted = request.params.get("ParentId") or request.params.get("ResourceId")
    found = next((each for each in [*backend.ou, *backend.accounts] if each.id == wanted), None)
    return [Check(f"organizations:{request.operation}", found.arn if found else "*", request.account)]


OPERATIONS: Operations = named("ListAccountsForParent ListOrganizationalUnitsForParent ListTagsForResource", read)
