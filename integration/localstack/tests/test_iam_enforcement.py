"""What policies do not allow is denied, in each service's own words (IAM User Guide, "Policy evaluation logic")."""

import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from conftest import started_localstack
from identities import Identities, allow, denial, deny, document, not_allowed, not_authorized, trust
from plugin_routes import call

REGION = "eu-west-1"


@pytest.fixture
def here(localstack, new_account) -> Identities:
    return Identities(localstack, new_account())


@pytest.fixture
def there(localstack, new_account) -> Identities:
    return Identities(localstack, new_account())


# For each service: a call, and what it asks. {account} is the caller's.
CALLS = {
    "autoscaling": (
        "describe_auto_scaling_groups",
        {},
        ("autoscaling:DescribeAutoScalingGroups", "*"),
        "AccessDenied",
    ),
    "cloudformation": (
        "describe_stacks",
        {"StackName": "copier"},
        ("cloudformation:DescribeStacks", "arn:aws:cloudformation:eu-west-1:{account}:stack/copier/*"),
        "AccessDenied",
    ),
    "cloudwatch": (
        "describe_alarms",
        {"AlarmNames": ["late"]},
        ("cloudwatch:DescribeAlarms", "arn:aws:cloudwatch:eu-west-1:{account}:alarm:late"),
        "AccessDenied",
    ),
    "events": (
        "describe_rule",
        {"Name": "sweep"},
        ("events:DescribeRule", "arn:aws:events:eu-west-1:{account}:rule/sweep"),
        "AccessDeniedException",
    ),
    "iam": ("get_role", {"RoleName": "worker"}, ("iam:GetRole", "arn:aws:iam::{account}:role/worker"), "AccessDenied"),
    "kms": ("list_keys", {}, ("kms:ListKeys", "*"), "AccessDeniedException"),
    "lambda": (
        "invoke",
        {"FunctionName": "copy"},
        ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:{account}:function:copy"),
        "AccessDeniedException",
    ),
    "logs": (
        "describe_log_streams",
        {"logGroupName": "/aws/lambda/copy"},
        (
            "logs:DescribeLogStreams",
            "arn:aws:logs:eu-west-1:{account}:log-group:/aws/lambda/copy:log-stream:",
        ),
        "AccessDeniedException",
    ),
    "organizations": (
        "list_tags_for_resource",
        {"ResourceId": "{account}"},
        ("organizations:ListTagsForResource", "*"),
        "AccessDeniedException",
    ),
    "sns": (
        "publish",
        {"TopicArn": "arn:aws:sns:eu-west-1:{account}:notify", "Message": "hello"},
        ("SNS:Publish", "arn:aws:sns:eu-west-1:{account}:notify"),
        "AuthorizationError",
    ),
    "sqs": (
        "create_queue",
        {"QueueName": "requests"},
        ("sqs:createqueue", "arn:aws:sqs:eu-west-1:{account}:requests"),
        "AccessDenied",
    ),
    "ssm": (
        "get_parameter",
        {"Name": "/image-copier/ubuntu"},
        ("ssm:GetParameter", "arn:aws:ssm:eu-west-1:{account}:parameter/image-copier/ubuntu"),
        "AccessDeniedException",
    ),
    "sts": (
        "assume_role",
        {"RoleArn": "arn:aws:iam::{account}:role/worker", "RoleSessionName": "two"},
        ("sts:AssumeRole", "arn:aws:iam::{account}:role/worker"),
        "AccessDenied",
    ),
}


def in_account(value, account: str):
    """The value with the account filled in."""
    return json.loads(json.dumps(value).replace("{account}", account))


@pytest.mark.parametrize("service", CALLS)
def test_each_service_denies_in_its_own_words(here, service):
    operation, parameters, (action, resource), code = CALLS[service]
    worker = here.role()
    parameters, resource = in_account(parameters, here.account), resource.format(account=here.account)

    answer = denial(getattr(worker.client(service), operation), **parameters)

    assert answer == (code, not_allowed(worker.arn, action, resource))


@pytest.mark.parametrize("service", CALLS.keys() - {"sts"})
def test_what_is_allowed_reaches_the_service(here, service):
    """It may find nothing there, but it is asked."""
    operation, parameters, (action, resource), code = CALLS[service]
    worker = here.role(allow(action, resource.format(account=here.account)))
    try:
        getattr(worker.client(service), operation)(**in_account(parameters, here.account))
    except ClientError as error:
        assert error.response["Error"]["Code"] != code


def test_ec2_denies_with_an_encoded_message(here):
    """EC2 Developer Guide, "Error codes": UnauthorizedOperation."""
    worker = here.role()
    code, message = denial(worker.client("ec2").describe_images, Owners=["self"])
    start = "You are not authorized to perform this operation. "
    assert code == "UnauthorizedOperation"
    assert message.startswith(start + not_allowed(worker.arn, "ec2:DescribeImages", "*") + ". Encoded authorization")


def test_everybody_may_ask_who_they_are(here):
    worker = here.role(deny("*"))
    assert worker.client("sts").get_caller_identity()["Arn"] == worker.arn


def test_users_and_their_groups(here):
    """A user's key is known; a group's policies are its members'."""
    ann = here.user()
    assert denial(ann.client("sqs").list_queues) == ("AccessDenied", not_allowed(ann.arn, "sqs:listqueues", "*"))
    here.iam.create_group(GroupName="readers")
    here.iam.put_group_policy(GroupName="readers", PolicyName="read", PolicyDocument=document(allow("sqs:List*")))
    here.iam.add_user_to_group(GroupName="readers", UserName="ann")
    assert ann.client("sqs").list_queues().get("QueueUrls", []) == []


def test_attached_policies_and_boundaries(here):
    """IAM User Guide, "Permissions boundaries": they limit, and give nothing."""
    policies = {
        name: here.iam.create_policy(PolicyName=name, PolicyDocument=document(allow(actions)))["Policy"]["Arn"]
        for name, actions in (("all", ["sqs:*", "ssm:*"]), ("queues", "sqs:*"))
    }
    worker = here.role(PermissionsBoundary=policies["queues"])
    because = not_allowed(worker.arn, "sqs:listqueues", "*")
    assert denial(worker.client("sqs").list_queues) == ("AccessDenied", because)

    here.iam.attach_role_policy(RoleName="worker", PolicyArn=policies["all"])

    worker.client("sqs").list_queues()
    code, message = denial(worker.client("ssm").describe_parameters)
    assert code == "AccessDeniedException"
    assert message == not_allowed(worker.arn, "ssm:DescribeParameters", "*", "permissions boundary")


def test_default_version_of_a_managed_policy_counts(here):
    """IAM User Guide, "Versioning IAM policies"."""
    arns = [
        here.iam.create_policy(PolicyName=name, PolicyDocument=document(allow(["sqs:*", "ssm:*"])))["Policy"]["Arn"]
        for name in ("calls", "boundary")
    ]
    worker = here.role(PermissionsBoundary=arns[1])
    here.iam.attach_role_policy(RoleName="worker", PolicyArn=arns[0])
    for arn, actions in zip(arns, (["sqs:*", "sns:*"], ["ssm:*", "sns:*"]), strict=True):
        here.iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow(actions)), SetAsDefault=True)
    for operation, kind in (
        (worker.client("ssm").describe_parameters, "identity-based policy"),
        (worker.client("sqs").list_queues, "permissions boundary"),
    ):
        assert f"because no {kind} allows" in denial(operation)[1]


def test_session_policies_limit_a_session(here):
    """IAM User Guide, "Session policies"."""
    here.role(allow(["sqs:*", "ssm:*"]))
    arn = here.iam.get_role(RoleName="worker")["Role"]["Arn"]
    limited = here.assumed(arn, Policy=document(allow("sqs:*")))
    limited.client("sqs").list_queues()
    _, message = denial(limited.client("ssm").describe_parameters)
    assert message == not_allowed(limited.arn, "ssm:DescribeParameters", "*", "session policy")


def test_changes_count_at_once(here):
    worker = here.role(allow("sqs:ListQueues"))
    worker.client("sqs").list_queues()
    here.iam.put_role_policy(RoleName="worker", PolicyName="no", PolicyDocument=document(deny("sqs:*")))
    _, message = denial(worker.client("sqs").list_queues)
    assert message == not_authorized(
        worker.arn, "sqs:listqueues", "*", "with an explicit deny in an identity-based policy"
    )


def test_principal_tags(here):
    """IAM User Guide, "aws:PrincipalTag/tag-key"."""
    condition = {"StringEquals": {"aws:PrincipalTag/team": "images"}}
    worker = here.role(allow("sqs:ListQueues", Condition=condition), Tags=[{"Key": "team", "Value": "images"}])
    other = here.role(allow("sqs:ListQueues", Condition=condition), name="other")
    worker.client("sqs").list_queues()
    assert denial(other.client("sqs").list_queues)[0] == "AccessDenied"

    arn = here.iam.get_role(RoleName="other")["Role"]["Arn"]
    session_tags = [{"Key": "team", "Value": "images"}]
    code, message = denial(here.root("sts").assume_role, RoleArn=arn, RoleSessionName="two", Tags=session_tags)
    assert code == "AccessDenied"
    assert "sts:TagSession" in message
    tagging = allow(["sts:AssumeRole", "sts:TagSession"], Principal={"AWS": here.account})
    del tagging["Resource"]
    here.iam.update_assume_role_policy(RoleName="other", PolicyDocument=document(tagging))
    here.assumed(arn, Tags=session_tags).client("sqs").list_queues()

    ann = here.user(allow("sqs:ListQueues", Condition=condition))
    assert denial(ann.client("sqs").list_queues)[0] == "AccessDenied"
    here.iam.tag_user(UserName="ann", Tags=[{"Key": "team", "Value": "images"}])
    ann.client("sqs").list_queues()


def test_only_roles_that_are_there_are_assumed_by_whom_they_trust(here, there):
    """IAM User Guide, "The role trust policy"; the caller's account has to allow it too."""
    here.role(AssumeRolePolicyDocument=trust(AWS=[here.account, there.account]))
    role_arn = here.iam.get_role(RoleName="worker")["Role"]["Arn"]
    request = {"RoleArn": role_arn, "RoleSessionName": "two"}
    there.root("sts").assume_role(**request)
    stranger = there.role()
    message = not_allowed(stranger.arn, "sts:AssumeRole", role_arn)
    assert denial(stranger.client("sts").assume_role, **request) == ("AccessDenied", message)

    here.iam.update_assume_role_policy(RoleName="worker", PolicyDocument=trust(AWS=here.account))
    _, message = denial(there.root("sts").assume_role, **request)
    root = f"arn:aws:iam::{there.account}:root"
    assert message == not_allowed(root, "sts:AssumeRole", role_arn, "role trust policy")

    request["RoleArn"] = f"{role_arn}-that-is-not-there"
    assert denial(here.root("sts").assume_role, **request)[0] == "AccessDenied"


def test_trust_policy_that_names_its_own_role_s_caller(here):
    """Whoever is named in its own account needs no policy of its own."""
    worker = here.role()
    arn = here.iam.get_role(RoleName="worker")["Role"]["Arn"]
    options = {"AssumeRolePolicyDocument": trust(AWS=arn)}
    other = here.iam.create_role(RoleName="other", **options)["Role"]["Arn"]
    session = worker.client("sts").assume_role(RoleArn=other, RoleSessionName="two")
    assert session["AssumedRoleUser"]["Arn"].endswith("assumed-role/other/two")


def test_credentials_that_nobody_was_given(localstack, here):
    """STS API Reference, "Common errors": InvalidClientTokenId."""
    worker = here.role(allow("*"))
    worker.credentials = worker.credentials | {"AccessKeyId": worker.credentials["AccessKeyId"][:-3] + "AAA"}
    code, message = denial(worker.client("sqs").list_queues)
    assert (code, message) == ("InvalidClientTokenId", "The security token included in the request is invalid.")


def test_pass_role(here):
    """IAM User Guide, "iam:PassRole": whoever makes a function gives it its role."""
    role_arn = f"arn:aws:iam::{here.account}:role/function"
    worker = here.role(allow("lambda:CreateFunction"))
    request = {"FunctionName": "copy", "Runtime": "nodejs22.x", "Handler": "index.handler", "Role": role_arn}
    code, message = denial(worker.client("lambda").create_function, Code={"ZipFile": b"zip"}, **request)
    assert (code, message) == ("AccessDeniedException", not_allowed(worker.arn, "iam:PassRole", role_arn))


@pytest.mark.parametrize(
    "condition, allowed",
    [
        # An old form, which the IAM guide's "Single-valued vs. multivalued context keys" speaks against.
        ({"StringEquals": {"events:source": "image-copier", "events:detail-type": "Image Copied"}}, False),
        ({"ForAllValues:StringEquals": {"events:source": "image-copier", "events:detail-type": "Image Copied"}}, True),
        ({"ForAllValues:StringEquals": {"events:source": "other"}}, False),
        ({"ForAnyValue:StringEquals": {"events:source": "image-copier"}}, True),
        (
            {"ForAllValues:StringEquals": {"events:detail-type": "Image Copied"}, "Null": {"events:source": "false"}},
            True,
        ),
    ],
)
def test_sources_of_events_are_multivalued(here, condition, allowed):
    """Service Authorization Reference, "Amazon EventBridge": both keys are ArrayOfString."""
    worker = here.role(allow("events:PutEvents", Condition=condition))
    events = worker.client("events")
    entries = [{"Source": "image-copier", "DetailType": "Image Copied", "Detail": "{}"}]
    if allowed:
        assert events.put_events(Entries=entries)["FailedEntryCount"] == 0
    else:
        bus = f"arn:aws:events:{REGION}:{here.account}:event-bus/default"
        code, message = denial(events.put_events, Entries=entries)
        assert (code, message) == ("AccessDeniedException", not_allowed(worker.arn, "events:PutEvents", bus))


def test_what_the_emulator_does_not_know_is_an_error(here):
    worker = here.role(allow("sqs:ListQueues", Condition={"StringEqualsIfExists": {"aws:Mood": "good"}}))
    code, message = denial(worker.client("sqs").list_queues)
    assert (code, message) == ("NotImplemented", "The condition key aws:Mood is not known to the emulator.")


def test_operations_that_are_not_mapped(here):
    """Only the account itself may do what nobody said the actions of."""
    here.root("ec2").describe_key_pairs()
    worker = here.role(allow("*"))
    assert denial(worker.client("ec2").describe_key_pairs) == (
        "NotImplemented",
        "The emulator does not know what policies have to allow for ec2:DescribeKeyPairs.",
    )


def test_setting_switches_it_off(tmp_path, new_account):
    """Then everybody may do everything, as in LocalStack without the plugin."""
    with started_localstack(tmp_path, IMAGE_COPIER_ENFORCE="0") as (running, _process):
        worker = Identities(running, new_account()).role()
        assert worker.client("sqs").list_queues().get("QueueUrls", []) == []
        assert call(running, "GET", "denials") == (200, [])


def test_denials_are_told(localstack, here):
    worker = here.role()
    denial(worker.client("sqs").list_queues)
    status, denials = call(localstack, "GET", "denials")
    [told] = [each for each in denials if each["principal"] == worker.arn]
    assert status == 200
    assert datetime.fromisoformat(told.pop("time")) <= datetime.now(UTC)
    assert told == {
        "operation": "sqs:ListQueues",
        "principal": worker.arn,
        "action": "sqs:ListQueues",
        "resource": "*",
        "because": "because no identity-based policy allows the sqs:ListQueues action",
    }
    assert call(localstack, "DELETE", "denials") == (200, [])
    assert call(localstack, "GET", "denials") == (200, [])


def test_what_was_allowed_is_told(localstack, here):
    """Each action once, by the role and not by its session; what was denied is not among it."""
    worker = here.role(allow("sqs:ListQueues"))
    for _ in range(2):
        worker.client("sqs").list_queues()
    denial(worker.client("sns").list_topics)
    status, allowed = call(localstack, "GET", "allowed")
    assert (status, allowed[f"arn:aws:iam::{here.account}:role/worker"]) == (200, ["sqs:ListQueues"])


# What each makes, with tags: what is asked about them.
TAGGED = {
    "cloudwatch": (
        "put_metric_alarm",
        {
            "AlarmName": "late",
            "ComparisonOperator": "GreaterThanThreshold",
            "EvaluationPeriods": 1,
            "Tags": [{"Key": "Team", "Value": "web"}],
        },
        "cloudwatch:PutMetricAlarm",
        ("cloudwatch:TagResource", "arn:aws:cloudwatch:eu-west-1:{account}:alarm:late"),
    ),
    "lambda": (
        "create_event_source_mapping",
        {"FunctionName": "copy", "Tags": {"Team": "web"}},
        "lambda:CreateEventSourceMapping",
        ("lambda:TagResource", "arn:aws:lambda:eu-west-1:{account}:event-source-mapping:*"),
    ),
}


@pytest.mark.parametrize("service", TAGGED)
def test_tags_of_what_is_made_need_a_right_of_their_own(here, service):
    operation, parameters, making, (action, resource) = TAGGED[service]
    worker = here.role(allow(making))
    _code, message = denial(getattr(worker.client(service), operation), **parameters)
    assert message == not_allowed(worker.arn, action, resource.format(account=here.account))


FULL_ACCESS = allow("*")
ORGANIZATION = "o-a1b2c3d4e5"


class Guardrails:
    """What an account's organization limits."""

    def __init__(self, localstack, account: str) -> None:
        self.localstack = localstack
        self.path = f"accounts/{account}/organization"

    def set(self, *statements: dict) -> None:
        body = {"id": ORGANIZATION, "policies": [json.loads(document(*statements))]}
        assert call(self.localstack, "PUT", self.path, body) == (200, body)

    def leave(self) -> None:
        assert call(self.localstack, "DELETE", self.path) == (200, {})


@pytest.fixture
def guardrails(localstack, here):
    guardrails = Guardrails(localstack, here.account)
    yield guardrails
    guardrails.leave()


def test_service_control_policies_limit_all_of_an_account(here, there, guardrails):
    """Organizations User Guide, "Service control policies": the account itself too, and no other account."""
    worker = here.role(allow("*"))
    root = f"arn:aws:iam::{here.account}:root"
    guardrails.set(FULL_ACCESS, deny("sqs:*", Condition={"StringNotEquals": {"aws:RequestedRegion": REGION}}))
    other = "eu-central-1"

    worker.client("sqs").list_queues()
    there.root("sqs", other).list_queues()
    for arn, client in ((worker.arn, worker.client("sqs", other)), (root, here.root("sqs", other))):
        message = not_authorized(arn, "sqs:listqueues", "*", "with an explicit deny in a service control policy")
        assert denial(client.list_queues) == ("AccessDenied", message)

    guardrails.leave()
    worker.client("sqs", other).list_queues()


def test_service_control_policies_have_to_allow(here, guardrails):
    guardrails.set(allow("ssm:*"))
    root = f"arn:aws:iam::{here.account}:root"
    here.root("ssm").describe_parameters()
    message = not_allowed(root, "sqs:listqueues", "*", "service control policy")
    assert denial(here.root("sqs").list_queues) == ("AccessDenied", message)
    # What it asks is not known, so neither is what the organization says to it.
    assert denial(here.root("ec2").describe_key_pairs)[0] == "NotImplemented"


def test_organization_limits_nothing_by_itself_and_is_known_to_policies(localstack, here, there, guardrails):
    """IAM User Guide, "aws:PrincipalOrgID"."""
    assert call(localstack, "PUT", guardrails.path, {"id": ORGANIZATION})[0] == 200
    here.root("sqs").list_queues()
    members = {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}
    policy = allow("sns:Publish", Principal="*", Condition=members)
    topic = there.root("sns").create_topic(Name="results", Attributes={"Policy": document(policy)})["TopicArn"]

    here.root("sns").publish(TopicArn=topic, Message="hello")

    guardrails.leave()
    assert denial(here.root("sns").publish, TopicArn=topic, Message="hello")[0] == "AuthorizationError"


def test_deployment_without_what_an_organization_asks_for(here, guardrails):
    """A boundary on roles, a VPC and code signing for functions: without them nothing is made."""
    guardrails.set(
        FULL_ACCESS,
        deny("iam:CreateRole", Condition={"Null": {"iam:PermissionsBoundary": "true"}}),
        deny("lambda:CreateFunction", Condition={"Null": {"lambda:VpcIds": "true"}}),
    )
    code, message = denial(here.iam.create_role, RoleName="worker", AssumeRolePolicyDocument=trust(AWS=here.account))
    assert code == "AccessDenied"
    assert message.endswith("with an explicit deny in a service control policy")
    role = {"Role": f"arn:aws:iam::{here.account}:role/function", "Runtime": "nodejs22.x", "Handler": "index.handler"}
    code, _ = denial(here.root("lambda").create_function, FunctionName="copy", Code={"ZipFile": b"no zip"}, **role)
    assert code == "AccessDeniedException"


FIELDS = "body: a JSON object with id and, if it limits the account, policies and resourcePolicies"


@pytest.mark.parametrize(
    "body, problem",
    [
        ([], FIELDS),
        ({"id": ORGANIZATION, "name": "ours"}, FIELDS),
        ({"policies": []}, "id: a text that is not empty"),
        ({"policies": {}}, None),
        ({"policies": ["*"]}, None),
        ({"policies": [{"Version": "2012-10-17"}]}, None),
        ({"policies": [{"Version": "2012-10-17", "Statement": [{"Effect": "Maybe"}]}]}, None),
        ({"policies": [{"Version": "2012-10-17", "Statement": {**FULL_ACCESS, "Principal": "*"}}]}, None),
    ],
)
def test_organizations_that_are_none(localstack, here, body, problem):
    if problem is None:
        body["id"], problem = ORGANIZATION, "policies: a list of documents, each with Version and Statement"
    status, answer = call(localstack, "PUT", f"accounts/{here.account}/organization", body)
    assert (status, answer) == (400, {"error": problem})


@pytest.mark.parametrize(
    "changes",
    [{"Effect": "Allow"}, {"Principal": {"AWS": "*"}}, {"Action": "*"}, {"Action": ["sqs:*", "sns:*"]}],
)
def test_resource_control_policies_that_are_none(localstack, here, changes):
    """Organizations User Guide, "RCP syntax" and "List of AWS services that support RCPs"."""
    statement = {**deny("sqs:*"), "Principal": "*", **changes}
    body = {"id": ORGANIZATION, "resourcePolicies": [{"Version": "2012-10-17", "Statement": [statement]}]}
    status, answer = call(localstack, "PUT", f"accounts/{here.account}/organization", body)
    problem = (
        "resourcePolicies: a list of documents whose statements deny, to the Principal *, actions of "
        "events, kms, logs, sqs, sts"
    )
    assert (status, answer) == (400, {"error": problem})


def test_organization_of_no_account(localstack):
    status, answer = call(localstack, "GET", "accounts/12/organization")
    assert (status, answer) == (400, {"error": "account: an account id of 12 digits, as a text"})
