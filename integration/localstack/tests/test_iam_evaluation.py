"""What policies decide (IAM User Guide, "Policy evaluation logic"), asked of the engine itself: no LocalStack runs."""

import pytest
from image_copier_localstack.services.iam.conditions import Context, UnknownPolicyElement
from image_copier_localstack.services.iam.evaluation import Policies, Principal, Question, decide

HERE, THERE = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{HERE}:role/copier"
SESSION = f"arn:aws:sts::{HERE}:assumed-role/copier/one"
QUEUE = f"arn:aws:sqs:eu-west-1:{HERE}:requests"
IMAGE = "arn:aws:ec2:eu-west-1::image/ami-1"

COPIER = Principal(HERE, ROLE, SESSION)
USER = Principal(HERE, f"arn:aws:iam::{HERE}:user/ann")
ROOT = Principal(HERE, f"arn:aws:iam::{HERE}:root")
SNS = Principal(HERE, "", service="sns.amazonaws.com")

ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def document(*statements: dict, version: str = "2012-10-17") -> dict:
    return {"Version": version, "Statement": list(statements)}


def ask(
    *identity: dict,
    principal: Principal = COPIER,
    action: str = "sqs:SendMessage",
    resource: str = QUEUE,
    owner: str = HERE,
    context: dict | None = None,
    resource_policy: dict | None = None,
    policy_required: bool = False,
    version: str = "2012-10-17",
    **policies,
) -> str:
    """`allowed`, or why it is not."""
    question = Question(
        principal, action, resource, owner, Context(context or {}), resource_policy, policy_required=policy_required
    )
    answer = decide(question, Policies([document(*identity, version=version)], **policies))
    return "allowed" if answer.allowed else answer.because


def allow(**elements) -> dict:
    return {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"} | elements


def deny(**elements) -> dict:
    return allow(Effect="Deny") | elements


NO_IDENTITY = "because no identity-based policy allows the sqs:SendMessage action"
NO_RESOURCE = "because no resource-based policy allows the sqs:SendMessage action"
NO_BOUNDARY = "because no permissions boundary allows the sqs:SendMessage action"
NO_SESSION = "because no session policy allows the sqs:SendMessage action"
NO_SCP = "because no service control policy allows the sqs:SendMessage action"


@pytest.mark.parametrize(
    "elements, expected",
    [
        ({}, True),
        ({"Action": "SQS:sendmessage"}, True),
        ({"Action": ["sns:*", "sqs:Send*"]}, True),
        ({"Action": "sqs:SendMessag?"}, True),
        ({"Action": "sqs:Send"}, False),
        ({"Action": "sqs:ReceiveMessage"}, False),
        ({"Resource": QUEUE}, True),
        ({"Resource": f"{QUEUE}-other"}, False),
        ({"Resource": "arn:aws:sqs:*:requests"}, True),
        ({"Resource": ["arn:aws:sqs:eu-west-1:*:other", QUEUE]}, True),
    ],
)
def test_actions_and_resources(elements, expected):
    assert ask(allow(**elements)) == ("allowed" if expected else NO_IDENTITY)


@pytest.mark.parametrize(
    "statement, expected",
    [
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, True),
        ({"Effect": "Allow", "NotAction": ["iam:*", "sqs:*"], "Resource": "*"}, False),
        ({"Effect": "Allow", "Action": "sqs:*", "NotResource": "arn:aws:sqs:*:*:other"}, True),
        ({"Effect": "Allow", "Action": "sqs:*", "NotResource": QUEUE}, False),
    ],
)
def test_everything_but(statement, expected):
    """IAM User Guide, "NotAction" and "NotResource"."""
    assert ask(statement) == ("allowed" if expected else NO_IDENTITY)


def test_brackets_are_no_wildcards():
    assert ask(allow(Resource="arn:aws:sqs:eu-west-1:111111111111:[r]equests")) == NO_IDENTITY


SINGLE, TAGS, SOURCES = "sns:Protocol", "aws:TagKeys", "events:source"


@pytest.mark.parametrize(
    "operator, key, wanted, value, expected",
    [
        ("StringEquals", SINGLE, "sqs", "sqs", True),
        ("StringEquals", SINGLE, "sqs", "SQS", False),
        ("StringEquals", SINGLE, "s*", "sqs", False),
        ("StringEquals", SINGLE, ["lambda", "sqs"], "sqs", True),
        ("StringEquals", SINGLE, "sqs", None, False),
        ("StringEqualsIfExists", SINGLE, "sqs", None, True),
        ("StringEqualsIfExists", SINGLE, "sqs", "http", False),
        ("StringNotEquals", SINGLE, "sqs", "sqs", False),
        ("StringNotEquals", SINGLE, ["sqs", "lambda"], "lambda", False),
        ("StringNotEquals", SINGLE, "sqs", None, True),
        ("StringEqualsIgnoreCase", SINGLE, "SQS", "sqs", True),
        ("StringNotEqualsIgnoreCase", SINGLE, "SQS", "sqs", False),
        ("StringLike", SINGLE, "s?s", "sqs", True),
        ("StringNotLike", SINGLE, "s*", "sqs", False),
        ("Bool", "aws:SecureTransport", "false", "false", True),
        ("Bool", "aws:SecureTransport", False, "false", True),
        ("Bool", "aws:SecureTransport", "false", None, False),
        ("Null", SINGLE, "true", None, True),
        ("Null", SINGLE, "true", "sqs", False),
        ("Null", SINGLE, "false", "sqs", True),
        ("Null", SINGLE, "false", None, False),
        ("Null", TAGS, "true", [], True),
        ("NumericLessThan", "aws:EpochTime", "10", "9", True),
        ("NumericLessThan", "aws:EpochTime", "10", "10", False),
        ("NumericGreaterThanEquals", "aws:EpochTime", 10, "10", True),
        ("NumericNotEquals", "aws:EpochTime", "10", "10.0", False),
        ("DateGreaterThan", "aws:CurrentTime", "2026-01-01T00:00:00Z", "2026-11-28T00:00:00Z", True),
        ("DateLessThan", "aws:CurrentTime", "2026-01-01T00:00:00Z", "2026-11-28T00:00:00Z", False),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", "10.1.2.3", True),
        ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", "10.1.2.3", False),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/*-settle-copy-*", f"{ROLE}-settle-copy-x", True),
        # A wildcard ends with its part of the ARN.
        ("ArnLike", "aws:PrincipalArn", "arn:aws:*:role/copier", ROLE, False),
        ("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::*:role/*", ROLE, True),
        ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/*", ROLE, False),
        ("ForAnyValue:StringEquals", TAGS, ["a", "b"], ["b", "c"], True),
        ("ForAnyValue:StringEquals", TAGS, ["a"], ["b", "c"], False),
        ("ForAnyValue:StringEquals", TAGS, ["a"], None, False),
        ("ForAnyValue:StringNotEquals", TAGS, ["a"], ["a", "b"], True),
        ("ForAnyValue:StringNotEquals", TAGS, ["a"], ["a"], False),
        ("ForAnyValue:StringNotEquals", TAGS, ["a"], None, False),
        ("ForAnyValue:StringNotEquals", TAGS, ["a"], [], False),
        ("ForAllValues:StringEquals", TAGS, ["a", "b"], ["b", "a"], True),
        ("ForAllValues:StringEquals", TAGS, ["a", "b"], ["b", "c"], False),
        ("ForAllValues:StringEquals", TAGS, ["a"], None, True),
        ("ForAllValues:StringNotEquals", TAGS, ["a"], ["b", "a"], False),
        ("ForAllValues:StringLike", TAGS, "Image*", ["ImageCopier"], True),
    ],
)
def test_conditions(operator, key, wanted, value, expected):
    """IAM User Guide, "Condition operators"."""
    context = {} if value is None else {key: value}
    assert ask(allow(Condition={operator: {key: wanted}}), context=context) == ("allowed" if expected else NO_IDENTITY)


@pytest.mark.parametrize("operator", ["StringEquals", "StringLike", "StringNotEquals", "StringEqualsIfExists"])
@pytest.mark.parametrize("value", [["image-copier"], None])
def test_multivalued_keys_need_a_set_operator(operator, value):
    """IAM User Guide, "Single-valued vs. multivalued context keys"; also with one value, and with none."""
    context = {} if value is None else {SOURCES: value}
    assert ask(allow(Condition={operator: {SOURCES: "image-copier"}}), context=context) == NO_IDENTITY


def test_all_conditions_must_hold_and_keys_have_no_case():
    condition = {"StringEquals": {"SNS:protocol": "sqs", "aws:RequestedRegion": "eu-west-1"}}
    assert ask(allow(Condition=condition), context={SINGLE: "sqs", "aws:requestedregion": "eu-west-1"}) == "allowed"
    assert ask(allow(Condition=condition), context={SINGLE: "sqs"}) == NO_IDENTITY


@pytest.mark.parametrize(
    "condition, named",
    [
        ({"StringSounds": {SINGLE: "sqs"}}, "StringSounds"),
        ({"ForSomeValues:StringEquals": {SINGLE: "sqs"}}, "ForSomeValues:StringEquals"),
        ({"NullIfExists": {SINGLE: "true"}}, "NullIfExists"),
        ({"StringEqualsIfExists": {"aws:Mood": "good"}}, "aws:Mood"),
        ({"Null": {"ec2:Colour": "true"}}, "ec2:Colour"),
        # Another condition that fails hides nothing.
        ({"StringEquals": {SINGLE: "http", "aws:Mood": "good"}}, "aws:Mood"),
        ({"StringEquals": {SINGLE: "${aws:Mood}"}}, "aws:Mood"),
    ],
)
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_what_is_unknown_is_told(condition, named, effect):
    """It neither allows nor denies."""
    with pytest.raises(UnknownPolicyElement, match=f"{named} is not known"):
        ask(ALL, allow(Effect=effect, Condition=condition), context={SINGLE: "sqs"})


def test_unknown_principal_types_are_told():
    with pytest.raises(UnknownPolicyElement, match="Martian is not known"):
        ask(ALL, resource_policy=document(allow(Principal={"Martian": "*"})))


@pytest.mark.parametrize(
    "resource, context, expected",
    [
        ("arn:aws:sqs:*:${aws:PrincipalAccount}:*", {"aws:PrincipalAccount": HERE}, True),
        ("arn:aws:sqs:*:${aws:PrincipalAccount}:*", {"aws:PrincipalAccount": THERE}, False),
        ("arn:aws:sqs:*:${aws:PrincipalAccount}:*", {}, False),
        (f"arn:aws:sqs:*:{HERE}:${{aws:PrincipalTag/queue, 'requests'}}", {}, True),
        (f"arn:aws:sqs:*:{HERE}:${{aws:PrincipalTag/queue, 'requests'}}", {"aws:PrincipalTag/queue": "other"}, False),
        # What a variable brings is no wildcard, nor is what is written as one.
        (f"arn:aws:sqs:*:{HERE}:${{aws:PrincipalTag/queue}}", {"aws:PrincipalTag/queue": "*"}, False),
        (f"arn:aws:sqs:*:{HERE}:${{*}}", {}, False),
        # A key with several values is no variable.
        (f"arn:aws:sqs:*:{HERE}:${{aws:TagKeys}}", {"aws:TagKeys": ["requests"]}, False),
    ],
)
def test_variables_in_resources(resource, context, expected):
    """IAM User Guide, "Policy variables"."""
    assert ask(allow(Resource=resource), context=context) == ("allowed" if expected else NO_IDENTITY)


@pytest.mark.parametrize("operator", ["StringEquals", "StringLike", "ArnLike"])
def test_variables_in_conditions(operator):
    """A subscriber's endpoint, of its own account."""
    condition = {operator: {"sns:Endpoint": "arn:aws:sqs:eu-west-1:${aws:PrincipalAccount}:requests"}}
    for account, expected in ((HERE, "allowed"), (THERE, NO_IDENTITY)):
        context = {"sns:Endpoint": QUEUE, "aws:PrincipalAccount": account}
        assert ask(allow(Condition=condition), context=context) == expected


def test_there_are_no_variables_in_the_old_language():
    """IAM User Guide, "Version"."""
    resource, context = "arn:aws:sqs:*:${aws:PrincipalAccount}:*", {"aws:PrincipalAccount": HERE}
    assert ask(allow(Resource=resource), context=context, version="2008-10-17") == NO_IDENTITY


KINDS = {
    "service control policy": lambda statement: {"service_control": [document(ALL, statement)]},
    "permissions boundary": lambda statement: {"boundary": document(ALL, statement)},
    "session policy": lambda statement: {"session": [document(ALL), document(statement)]},
    "resource-based policy": lambda statement: {"resource_policy": document(allow(Principal="*"), statement)},
}


@pytest.mark.parametrize("kind", KINDS)
def test_explicit_deny_wins(kind):
    principal = {"Principal": "*"} if kind == "resource-based policy" else {}
    assert ask(ALL, **KINDS[kind](deny(**principal))) == f"with an explicit deny in a {kind}"
    assert ask(ALL, **KINDS[kind](deny(**principal, Action="sqs:DeleteQueue"))) == "allowed"


def test_explicit_deny_of_an_identity_wins_over_a_resource():
    policy = document(allow(Principal={"AWS": SESSION}))
    assert ask(deny(), resource_policy=policy) == "with an explicit deny in an identity-based policy"


@pytest.mark.parametrize(
    "limit, because",
    [
        ({"service_control": []}, NO_SCP),
        ({"service_control": [document(allow(Action="ec2:*"))]}, NO_SCP),
        ({"boundary": document(allow(Action="ec2:*"))}, NO_BOUNDARY),
        ({"session": [document(allow(Action="ec2:*"))]}, NO_SESSION),
    ],
)
def test_every_limit_has_to_allow(limit, because):
    assert ask(ALL, **limit) == because


def test_limits_allow_nothing_by_themselves():
    assert ask(service_control=[document(ALL)], boundary=document(ALL), session=[document(ALL)]) == NO_IDENTITY


def test_account_itself_is_limited_by_service_control_policies():
    """Organizations User Guide, "Service control policies": they affect root users too."""
    assert ask(ALL, principal=ROOT, service_control=[document(ALL, deny())]).startswith("with an explicit deny")
    assert ask(ALL, principal=ROOT) == "allowed"


# By whom a queue's policy names: what it gives to a session of a role, and to a user, in its own account.
NAMES = {
    "everybody": ("*", "allowed", "allowed"),
    "everybody as AWS": ({"AWS": "*"}, "allowed", "allowed"),
    "the account": ({"AWS": HERE}, NO_IDENTITY, NO_IDENTITY),
    "the account's root": ({"AWS": ROOT.arn}, NO_IDENTITY, NO_IDENTITY),
    "the role": ({"AWS": ROLE}, "allowed", NO_IDENTITY),
    "the session": ({"AWS": [SESSION]}, "allowed", NO_IDENTITY),
    "the user": ({"AWS": [USER.arn, f"{USER.arn}s"]}, NO_IDENTITY, "allowed"),
    "another account": ({"AWS": THERE}, NO_IDENTITY, NO_IDENTITY),
    "a service": ({"Service": "sns.amazonaws.com"}, NO_IDENTITY, NO_IDENTITY),
}


@pytest.mark.parametrize("name", NAMES)
def test_resource_policy_in_the_same_account(name):
    """Whoever is named needs no policy of its own; to name the account lets the account's policies decide."""
    principal, of_role, of_user = NAMES[name]
    policy = document(allow(Principal=principal))
    assert (ask(resource_policy=policy), ask(resource_policy=policy, principal=USER)) == (of_role, of_user)
    assert ask(ALL, resource_policy=policy) == "allowed"


@pytest.mark.parametrize(
    "principal, expected",
    [({"AWS": ROLE}, NO_BOUNDARY), ({"AWS": SESSION}, "allowed"), ("*", "allowed")],
)
def test_boundary_limits_what_a_resource_gives_to_a_role(principal, expected):
    """IAM User Guide, "Permissions boundaries": not what it gives to a session, or to everybody."""
    policy = document(allow(Principal=principal))
    assert ask(resource_policy=policy, boundary=document(allow(Action="ec2:*"))) == expected


@pytest.mark.parametrize(
    "identity, principal, expected",
    [
        ([ALL], "*", "allowed"),
        ([ALL], {"AWS": HERE}, "allowed"),
        ([ALL], {"AWS": ROLE}, "allowed"),
        ([ALL], {"AWS": THERE}, NO_RESOURCE),
        ([ALL], {"AWS": f"{ROLE}-other"}, NO_RESOURCE),
        ([], "*", NO_IDENTITY),
        ([], {"AWS": SESSION}, NO_IDENTITY),
    ],
)
def test_both_accounts_have_to_allow(identity, principal, expected):
    """IAM User Guide, "Cross-account policy evaluation logic"."""
    assert ask(*identity, owner=THERE, resource_policy=document(allow(Principal=principal))) == expected


def test_another_account_s_resource_without_a_policy():
    assert ask(ALL, owner=THERE) == NO_RESOURCE
    assert ask(ALL, owner=THERE, principal=ROOT) == NO_RESOURCE


@pytest.mark.parametrize(
    "names, expected",
    [
        ([SESSION, ROLE, HERE], "allowed"),
        ([SESSION, ROLE], "with an explicit deny in a resource-based policy"),
        ([ROLE, HERE], "with an explicit deny in a resource-based policy"),
        ([HERE], "with an explicit deny in a resource-based policy"),
    ],
)
def test_everybody_but(names, expected):
    """IAM User Guide, "NotPrincipal": a session, its role and its account have to be named."""
    assert ask(ALL, resource_policy=document(deny(NotPrincipal={"AWS": names}))) == expected


def test_deny_of_an_account_is_of_all_in_it():
    policy = document(deny(Principal={"AWS": HERE}))
    assert ask(ALL, resource_policy=policy) == "with an explicit deny in a resource-based policy"
    assert ask(ALL, resource_policy=document(deny(Principal={"AWS": THERE}))) == "allowed"


@pytest.mark.parametrize(
    "principal, source, expected",
    [
        ({"Service": "sns.amazonaws.com"}, "arn:aws:sns:eu-west-1:222222222222:notify", "allowed"),
        ({"Service": "sns.amazonaws.com"}, "arn:aws:sns:eu-west-1:222222222222:other", NO_RESOURCE),
        ({"Service": "events.amazonaws.com"}, "arn:aws:sns:eu-west-1:222222222222:notify", NO_RESOURCE),
        ({"AWS": HERE}, "arn:aws:sns:eu-west-1:222222222222:notify", NO_RESOURCE),
        ("*", "arn:aws:sns:eu-west-1:222222222222:notify", "allowed"),
    ],
)
def test_services_need_the_policy_of_the_resource(principal, source, expected):
    """Whoever owns it, and whatever a service control policy says."""
    condition = {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:*:*:notify"}}
    policy = document(allow(Principal=principal, Condition=condition))
    assert ask(principal=SNS, context={"aws:SourceArn": source}, resource_policy=policy) == expected


@pytest.mark.parametrize(
    "principal, without, with_identity",
    [
        ({"AWS": HERE}, NO_IDENTITY, "allowed"),
        ({"AWS": ROLE}, "allowed", "allowed"),
        ({"AWS": THERE}, NO_RESOURCE, NO_RESOURCE),
    ],
)
def test_keys_and_roles_decide_themselves(principal, without, with_identity):
    """KMS Developer Guide, "Key policies": no IAM policy is of use unless the key's lets the account decide."""
    policy = document(allow(Principal=principal))
    assert ask(resource_policy=policy, policy_required=True) == without
    assert ask(ALL, resource_policy=policy, policy_required=True) == with_identity


def test_statement_may_be_alone():
    assert decide(
        Question(COPIER, "ec2:CopyImage", IMAGE, HERE, Context({})),
        Policies([{"Version": "2012-10-17", "Statement": allow(Action="ec2:CopyImage")}]),
    ).allowed
