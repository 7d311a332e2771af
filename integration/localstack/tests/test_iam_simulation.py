"""What a role may do, as SimulatePrincipalPolicy tells it (IAM User Guide, "Policy evaluation logic")."""

import json

import pytest
from identities import document
from plugin_routes import call

IMAGES = "arn:aws:ec2:eu-west-1::image/*"
IMAGE = "arn:aws:ec2:eu-west-1::image/ami-0123456789abcdef0"
OTHER_IMAGE = "arn:aws:ec2:eu-central-1::image/ami-0123456789abcdef0"


@pytest.fixture
def account(new_account) -> str:
    return new_account()


@pytest.fixture
def simulate(localstack, account):
    """A function that simulates calls of a role with these statements, and answers the results of each page."""
    iam = localstack.client("iam", account)

    def simulate(
        *statements: dict, page_size: int | None = None, boundary: list[dict] | None = None, **parameters
    ) -> list[list[dict]]:
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
        options = {}
        if boundary is not None:
            policy = iam.create_policy(PolicyName="boundary", PolicyDocument=document(*boundary))["Policy"]
            options["PermissionsBoundary"] = policy["Arn"]
        role = iam.create_role(RoleName="function", AssumeRolePolicyDocument=document(trust), **options)["Role"]
        iam.put_role_policy(RoleName="function", PolicyName="function", PolicyDocument=document(*statements))
        pages = iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=role["Arn"], PaginationConfig={"PageSize": page_size}, **parameters
        )
        return [page["EvaluationResults"] for page in pages]

    return simulate


@pytest.fixture
def decide(simulate):
    """A function that answers what a role with these statements gets for a call."""

    def decide(*statements: dict, action: str, resource: str = IMAGE, **context: str) -> str:
        [[result]] = simulate(
            *statements,
            ActionNames=[action],
            ResourceArns=[resource],
            ContextEntries=[
                {"ContextKeyName": key.replace("_", ":"), "ContextKeyValues": [value], "ContextKeyType": "string"}
                for key, value in context.items()
            ],
        )
        assert (result["EvalActionName"], result["EvalResourceName"]) == (action, resource)
        return result["EvalDecision"]

    return decide


def allow(action: str | list[str], resource: str, **condition: dict) -> dict:
    return {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}


def test_wildcards_are_matched(decide):
    """IAM User Guide, "Action" and "Resource"."""
    assert decide(allow("ec2:Copy*", IMAGES), action="ec2:CopyImage") == "allowed"


@pytest.mark.parametrize("action, resource", [("ec2:CopyImage", OTHER_IMAGE), ("ec2:DeregisterImage", IMAGE)])
def test_what_nobody_allows_is_denied(decide, action, resource):
    """The trust policy is not about what the role may do."""
    assert decide(allow("ec2:CopyImage", IMAGES), action=action, resource=resource) == "implicitDeny"


def test_deny_wins(decide):
    deny = {"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}
    assert decide(allow("ec2:CopyImage", IMAGES), deny, action="ec2:CopyImage") == "explicitDeny"


@pytest.mark.parametrize(
    "value, expected",
    [("image-copier attempt=1", "allowed"), ("other attempt=1", "implicitDeny"), (None, "implicitDeny")],
)
def test_conditions_hold_or_not(decide, value, expected):
    """A key that the request lacks fails the condition."""
    statement = allow("ec2:CreateTags", IMAGES, StringLike={"aws:ResourceTag/ImageCopier": "image-copier *"})
    context = {} if value is None else {"aws_ResourceTag/ImageCopier": value}
    assert decide(statement, action="ec2:CreateTags", **context) == expected


@pytest.mark.parametrize("value, expected", [(None, "allowed"), ("other", "implicitDeny")])
def test_if_exists(decide, value, expected):
    statement = allow("ec2:CreateTags", IMAGES, StringLikeIfExists={"aws:ResourceTag/ImageCopier": "image-copier *"})
    context = {} if value is None else {"aws_ResourceTag/ImageCopier": value}
    assert decide(statement, action="ec2:CreateTags", **context) == expected


def test_several_conditions_must_all_hold(decide):
    statement = allow(
        "kms:CreateGrant",
        "*",
        Bool={"kms:GrantIsForAWSResource": "true"},
        StringLike={"kms:ViaService": ["ec2.*.amazonaws.com", "rds.*.amazonaws.com"]},
    )
    via = {"kms_ViaService": "ec2.eu-west-1.amazonaws.com"}
    assert decide(statement, action="kms:CreateGrant", resource="*", **via) == "implicitDeny"


def test_one_result_for_each_action_with_the_decision_on_each_resource(simulate):
    """IAM API Reference, EvaluationResult: the decision on all of them is the most restrictive one."""
    deny = {"Effect": "Deny", "Action": "ec2:DeregisterImage", "Resource": OTHER_IMAGE}
    [results] = simulate(
        allow("ec2:CopyImage", "*"),
        allow("ec2:DeregisterImage", IMAGES),
        allow("ec2:DeleteSnapshot", IMAGES),
        deny,
        ActionNames=["ec2:CopyImage", "ec2:DeregisterImage", "ec2:DeleteSnapshot"],
        ResourceArns=[IMAGE, OTHER_IMAGE],
    )

    assert [(result["EvalActionName"], result["EvalDecision"]) for result in results] == [
        ("ec2:CopyImage", "allowed"),
        ("ec2:DeregisterImage", "explicitDeny"),
        ("ec2:DeleteSnapshot", "implicitDeny"),
    ]
    assert [
        [(each["EvalResourceName"], each["EvalResourceDecision"]) for each in result["ResourceSpecificResults"]]
        for result in results
    ] == [
        [(IMAGE, "allowed"), (OTHER_IMAGE, "allowed")],
        [(IMAGE, "allowed"), (OTHER_IMAGE, "explicitDeny")],
        [(IMAGE, "allowed"), (OTHER_IMAGE, "implicitDeny")],
    ]
    # The template of an ARN, not one that was asked about.
    assert {result["EvalResourceName"] for result in results}.isdisjoint({IMAGE, OTHER_IMAGE})


def test_all_resources_have_no_results_of_their_own(simulate):
    """IAM API Reference, ResourceSpecificResult: it is used where ARNs are asked about instead of "*"."""
    [[result]] = simulate(allow("ec2:CopyImage", "*"), ActionNames=["ec2:CopyImage"])
    assert (result["EvalResourceName"], result["EvalDecision"]) == ("*", "allowed")
    assert "ResourceSpecificResults" not in result


def test_results_come_in_pages(simulate):
    """IAM API Reference, SimulatePrincipalPolicy: MaxItems and Marker."""
    actions = ["ec2:CopyImage", "ec2:CreateTags", "ec2:DeregisterImage"]
    pages = simulate(allow("ec2:*", "*"), page_size=2, ActionNames=actions, ResourceArns=[IMAGE, OTHER_IMAGE])
    assert [[result["EvalActionName"] for result in page] for page in pages] == [actions[:2], actions[2:]]


def test_permissions_boundary_takes_part(simulate):
    """IAM User Guide, "IAM policy testing with the IAM policy simulator"; IAM API Reference, EvaluationResult."""
    [results] = simulate(
        allow("ec2:*", "*"),
        boundary=[allow("ec2:Copy*", IMAGES)],
        ActionNames=["ec2:CopyImage", "ec2:CreateTags"],
        ResourceArns=[IMAGE],
    )
    assert [
        (each["EvalDecision"], each["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"])
        for each in results
    ] == [("allowed", True), ("implicitDeny", False)]
    assert all("OrganizationsDecisionDetail" not in each for each in results)


def test_default_version_of_a_managed_policy_takes_part(localstack, account, simulate):
    """IAM User Guide, "Versioning IAM policies"."""
    iam = localstack.client("iam", account)
    simulate(allow("sqs:*", "*"), ActionNames=["ec2:CopyImage"])
    arn = iam.create_policy(PolicyName="calls", PolicyDocument=document(allow("ec2:CopyImage", "*")))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="function", PolicyArn=arn)
    second = document(allow("ec2:CreateTags", "*"))
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=second, SetAsDefault=True)
    role = f"arn:aws:iam::{account}:role/function"
    answer = iam.simulate_principal_policy(PolicySourceArn=role, ActionNames=["ec2:CopyImage", "ec2:CreateTags"])
    assert [each["EvalDecision"] for each in answer["EvaluationResults"]] == ["implicitDeny", "allowed"]


def test_service_control_policies_take_part_unless_they_have_conditions(localstack, account, simulate):
    """IAM User Guide, "IAM policy testing with the IAM policy simulator": no conditions are evaluated."""
    of_nobody = {"StringEquals": {"aws:PrincipalAccount": "999999999999"}}
    policies = [
        document(allow("*", "*")),
        document({"Effect": "Deny", "Action": "ec2:CreateTags", "Resource": "*"}),
        document({"Effect": "Deny", "Action": "ec2:CopyImage", "Resource": "*"}, allow("ec2:*", "*", **of_nobody)),
    ]
    body = {"id": "o-a1b2c3d4e5", "policies": [json.loads(each) for each in policies]}
    assert call(localstack, "PUT", f"accounts/{account}/organization", body)[0] == 200
    [results] = simulate(allow("ec2:*", "*"), ActionNames=["ec2:CopyImage", "ec2:CreateTags"], ResourceArns=[IMAGE])
    assert [
        (each["EvalDecision"], each["OrganizationsDecisionDetail"]["AllowedByOrganizations"]) for each in results
    ] == [("allowed", True), ("explicitDeny", False)]


def test_role_that_is_not_there(localstack, new_account):
    """IAM API Reference, SimulatePrincipalPolicy: NoSuchEntity."""
    account = new_account()
    iam = localstack.client("iam", account)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.simulate_principal_policy(
            PolicySourceArn=f"arn:aws:iam::{account}:role/gone", ActionNames=["ec2:RunInstances"]
        )
