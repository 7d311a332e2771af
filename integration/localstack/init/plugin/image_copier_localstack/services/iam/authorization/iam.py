"""AWS Identity and Access Management."""

from ..conditions import Value
from .request import Check, Operations, Request, account_of, named, on_all, request_tags, tag_map
from .sts import find_role


def role_arn(request: Request, name: str) -> str:
    """A role's path is part of its ARN."""
    path = request.params.get("Path")
    role = find_role(request.arn("iam", f"role/{name}", region=""))
    return role.arn if role else request.arn("iam", f"role{path or '/'}{name}", region="")


def on_role(request: Request) -> list[Check]:
    params = request.params
    context: dict[str, Value] = request_tags(tag_map(params.get("Tags")))
    if params.get("PolicyArn"):
        context["iam:PolicyARN"] = params["PolicyArn"]
    if params.get("PermissionsBoundary"):
        context["iam:PermissionsBoundary"] = params["PermissionsBoundary"]
    arn = role_arn(request, params.get("RoleName") or "")
    role = find_role(arn)
    if role is not None and role.permissions_boundary_arn:
        context.setdefault("iam:PermissionsBoundary", role.permissions_boundary_arn)
    return [Check(f"iam:{request.operation}", arn, None, context)]


def create_role(request: Request) -> list[Check]:
    [asked] = on_role(request)
    tagging = Check("iam:TagRole", asked.resource, None, asked.context)
    return [asked, *([tagging] if request.params.get("Tags") else [])]


def on_policy(request: Request) -> list[Check]:
    params = request.params
    arn = params.get("PolicyArn")
    arn = arn or request.arn("iam", f"policy{params.get('Path') or '/'}{params.get('PolicyName') or ''}", region="")
    return [Check(f"iam:{request.operation}", arn, own_account(arn), request_tags(tag_map(params.get("Tags"))))]


def own_account(arn: str) -> str | None:
    """AWS's own policies are everybody's."""
    owner = account_of(arn)
    return None if owner == "aws" else owner


def on_source(request: Request) -> list[Check]:
    arn = request.params.get("PolicySourceArn") or "*"
    return [Check(f"iam:{request.operation}", arn, account_of(arn))]


OPERATIONS: Operations = {
    "CreateRole": create_role,
    "SimulatePrincipalPolicy": on_source,
    **named("GetAccountSummary ListAccountAliases ListPolicies ListRoles", on_all("iam")),
    **named(
        "CreatePolicy CreatePolicyVersion DeletePolicy DeletePolicyVersion GetPolicy GetPolicyVersion "
        "ListPolicyTags ListPolicyVersions TagPolicy UntagPolicy",
        on_policy,
    ),
    **named(
        """
        AttachRolePolicy DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy DetachRolePolicy GetRole
        GetRolePolicy ListAttachedRolePolicies ListInstanceProfilesForRole ListRolePolicies ListRoleTags
        PutRolePermissionsBoundary PutRolePolicy TagRole UntagRole UpdateAssumeRolePolicy UpdateRole
        UpdateRoleDescription
        """,
        on_role,
    ),
}
