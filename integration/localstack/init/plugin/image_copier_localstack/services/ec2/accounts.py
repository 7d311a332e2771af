"""How requests name accounts: as owners and users of listings, and in permissions that are added or removed."""


def accounts_of(named: list[str] | None, account: str) -> set[str]:
    """The accounts of a listing's parameter, where `self` is the caller."""
    return {account if each == "self" else each for each in named or []}


def permissions_of(params: dict, operation: str, structure: str, flat: dict[str, str]) -> list[dict[str, str]]:
    """The permissions to `add` or `remove`, in the structured form and in the older flat one.

    `flat` names, for each kind of permission, the parameter that lists it (EC2 API Reference, ModifyImageAttribute and
    ModifySnapshotAttribute).
    """
    structured = (params.get(structure) or {}).get(operation.capitalize()) or []
    if params.get("OperationType") != operation:
        return structured
    return [*structured, *({kind: value} for kind, member in flat.items() for value in params.get(member) or [])]
