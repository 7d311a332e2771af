"""Policies of topics, queues, keys, functions and buses: accounts, strangers and AWS's own services."""

import json

import pytest
from conditions import wait_until
from identities import Identities, allow, denial, deny, document, not_allowed, not_authorized, trust
from kms_keys import aws_managed_key, create_key
from plugin_routes import call

REGION = "eu-west-1"


@pytest.fixture
def here(localstack, new_account) -> Identities:
    return Identities(localstack, new_account())


@pytest.fixture
def there(localstack, new_account) -> Identities:
    return Identities(localstack, new_account())


def by(principal, actions: str, **elements) -> dict:
    return allow(actions, **elements) | {"Principal": principal}


class Queue:
    """A queue of one account."""

    def __init__(self, owner: Identities, *statements: dict, name: str = "requests", **attributes: str) -> None:
        self.sqs = owner.root("sqs")
        self.url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = f"arn:aws:sqs:{REGION}:{owner.account}:{name}"
        if statements:
            self.set_policy(*statements)

    def set_policy(self, *statements: dict) -> None:
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": document(*statements)})

    def bodies(self) -> list[str]:
        answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
        return [message["Body"] for message in answer.get("Messages", [])]


def test_queue_of_another_account(here, there):
    """IAM User Guide, "Cross-account policy evaluation logic": both accounts have to allow it."""
    queue = Queue(there)
    worker, root = here.role(allow("sqs:SendMessage", queue.arn)), f"arn:aws:iam::{here.account}:root"
    request = {"QueueUrl": queue.url, "MessageBody": "hello"}
    for arn, identity in ((worker.arn, worker.client("sqs")), (root, here.root("sqs"))):
        message = not_allowed(arn, "sqs:sendmessage", queue.arn, "resource-based policy")
        assert denial(identity.send_message, **request) == ("AccessDenied", message)

    queue.set_policy(by({"AWS": here.account}, "sqs:SendMessage"))

    worker.client("sqs").send_message(**request)
    here.root("sqs").send_message(**request)
    other = here.role(name="other")
    message = not_allowed(other.arn, "sqs:sendmessage", queue.arn)
    assert denial(other.client("sqs").send_message, **request) == ("AccessDenied", message)
    assert queue.bodies() == ["hello", "hello"]


def test_queue_of_the_same_account(here):
    """A policy that names the role is enough, and a deny is for the account itself too."""
    worker = here.role()
    role_arn = here.iam.get_role(RoleName="worker")["Role"]["Arn"]
    queue = Queue(here, by({"AWS": role_arn}, "sqs:SendMessage"))
    worker.client("sqs").send_message(QueueUrl=queue.url, MessageBody="hello")

    queue.set_policy(deny("sqs:DeleteQueue") | {"Principal": "*"})
    root = f"arn:aws:iam::{here.account}:root"
    because = "with an explicit deny in a resource-based policy"
    message = not_authorized(root, "sqs:deletequeue", queue.arn, because)
    assert denial(here.root("sqs").delete_queue, QueueUrl=queue.url) == ("AccessDenied", message)


def test_batches_ask_as_single_messages(here):
    """Service Authorization Reference, "Amazon SQS": there are no actions for batches."""
    queue = Queue(here)
    worker = here.role(allow(["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"], queue.arn))
    sqs = worker.client("sqs")
    sqs.send_message_batch(QueueUrl=queue.url, Entries=[{"Id": "1", "MessageBody": "hello"}])
    [message] = sqs.receive_message(QueueUrl=queue.url)["Messages"]
    entry = {"Id": "1", "ReceiptHandle": message["ReceiptHandle"]}
    code, text = denial(
        sqs.change_message_visibility_batch, QueueUrl=queue.url, Entries=[entry | {"VisibilityTimeout": 9}]
    )
    assert (code, text) == ("AccessDenied", not_allowed(worker.arn, "sqs:changemessagevisibility", queue.arn))
    assert len(sqs.delete_message_batch(QueueUrl=queue.url, Entries=[entry])["Successful"]) == 1


class Topic:
    def __init__(self, owner: Identities, *statements: dict) -> None:
        self.sns = owner.root("sns")
        attributes = {"Policy": document(*statements)} if statements else {}
        self.arn = self.sns.create_topic(Name="notify", Attributes=attributes)["TopicArn"]

    def subscribe(self, queue: Queue, **attributes: str) -> str:
        request = {"TopicArn": self.arn, "Protocol": "sqs", "Endpoint": queue.arn, "ReturnSubscriptionArn": True}
        attributes = {"RawMessageDelivery": "true"} | attributes
        return self.sns.subscribe(**request, Attributes=attributes)["SubscriptionArn"]


def test_topic_lets_accounts_subscribe_their_own_queues(here, there):
    """As the requests topic does: any principal of an account, by condition, and only what the account has."""
    own_queues = "arn:aws:sqs:*:${aws:PrincipalAccount}:*"
    condition = {
        "StringEquals": {"aws:PrincipalAccount": here.account, "sns:Protocol": "sqs"},
        "StringLike": {"sns:Endpoint": own_queues},
    }
    topic = Topic(there, by({"AWS": "*"}, "sns:Subscribe", Condition=condition))
    worker = here.role(allow("sns:Subscribe"))
    request = {"TopicArn": topic.arn, "Protocol": "sqs", "Endpoint": Queue(here).arn}

    worker.client("sns").subscribe(**request)

    message = not_allowed(worker.arn, "SNS:Subscribe", topic.arn, "resource-based policy")
    for other in ({"Endpoint": Queue(there).arn}, {"Protocol": "email", "Endpoint": "a@example.org"}):
        assert denial(worker.client("sns").subscribe, **request | other) == ("AuthorizationError", message)
    code, _ = denial(worker.client("sns").publish, TopicArn=topic.arn, Message="hello")
    assert code == "AuthorizationError"


def test_topic_without_a_policy_of_its_own_is_its_account_s(here, there):
    """The default policy is about services: whoever is of the account still needs a policy."""
    topic = Topic(here)
    worker = here.role()
    message = not_allowed(worker.arn, "SNS:Publish", topic.arn)
    request = {"TopicArn": topic.arn, "Message": "hello"}
    assert denial(worker.client("sns").publish, **request) == ("AuthorizationError", message)
    assert denial(there.root("sns").publish, **request)[0] == "AuthorizationError"
    here.root("sns").publish(**request)


def test_topic_sends_to_queues_that_let_it(localstack, here, there):
    """SNS Developer Guide, "Subscribing an Amazon SQS queue": the topic is named by aws:SourceArn."""
    topic, other = Topic(here), Topic(there)
    queue = Queue(there, by({"Service": "sns.amazonaws.com"}, "sqs:SendMessage"), name="open")
    narrow = by({"Service": "sns.amazonaws.com"}, "sqs:SendMessage", Condition=source_is(other.arn))
    closed, left = Queue(there, narrow, name="closed"), Queue(there, name="left")
    for each in (queue, closed, left):
        topic.subscribe(each)
    topic.sns.publish(TopicArn=topic.arn, Message="hello")

    wait_until("the delivery", queue.bodies)
    for each in (closed, left):
        told = wait_until("the denial", lambda each=each: denials_on(localstack, each.arn))
        assert told["principal"] == "sns.amazonaws.com"
        assert told["because"] == "because no resource-based policy allows the sqs:SendMessage action"
        assert each.bodies() == []


ORGANIZATION = "o-a1b2c3d4e5"


def join(localstack, *accounts: str, **fields) -> dict:
    """Put accounts into the organization; the answer for the last one."""
    answer = {}
    for account in accounts:
        body = {"id": ORGANIZATION, **fields}
        status, answer = call(localstack, "PUT", f"accounts/{account}/organization", body)
        assert status == 200, answer
    return answer


def denied_to_all(actions: str, **condition: dict) -> list[dict]:
    """A resource control policy."""
    return [json.loads(document(deny(actions, Condition=condition) | {"Principal": "*"}))]


FROM_OUTSIDE = {
    "StringNotEqualsIfExists": {"aws:SourceOrgID": ORGANIZATION},
    "Null": {"aws:SourceAccount": "false"},
    "Bool": {"aws:PrincipalIsAWSService": "true"},
}
BY_STRANGERS = {
    "StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION},
    "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
}
EXPLICITLY = "with an explicit deny in a resource control policy"


def test_resource_control_policies_are_about_what_an_account_owns(localstack, here, there):
    """Organizations User Guide, "RCP effects on permissions": whoever calls, and nothing of others."""
    own, foreign = Queue(here, by("*", "sqs:*")), Queue(there, by("*", "sqs:*"))
    policies = denied_to_all("sqs:*", **BY_STRANGERS)
    answer = join(localstack, here.account, resourcePolicies=policies)
    assert answer["resourcePolicies"] == policies

    own.sqs.send_message(QueueUrl=own.url, MessageBody="hello")
    here.root("sqs").send_message(QueueUrl=foreign.url, MessageBody="hello")
    stranger = f"arn:aws:iam::{there.account}:root"
    assert denial(there.root("sqs").send_message, QueueUrl=own.url, MessageBody="hello") == (
        "AccessDenied",
        not_authorized(stranger, "sqs:sendmessage", own.arn, EXPLICITLY),
    )
    join(localstack, there.account)
    there.root("sqs").send_message(QueueUrl=own.url, MessageBody="hello")


def test_resource_control_policies_are_about_services_too(localstack, here, there):
    """Organizations User Guide, "Cross-service confused deputy protection": a service acts for an account."""
    topic = Topic(here)
    queue = Queue(there, by({"Service": "sns.amazonaws.com"}, "sqs:SendMessage"))
    topic.subscribe(queue)
    join(localstack, there.account, resourcePolicies=denied_to_all("sqs:*", **FROM_OUTSIDE))
    topic.sns.publish(TopicArn=topic.arn, Message="from outside")
    told = wait_until("the denial", lambda: denials_on(localstack, queue.arn))
    assert (told["principal"], told["because"]) == ("sns.amazonaws.com", EXPLICITLY)

    join(localstack, here.account)
    topic.sns.publish(TopicArn=topic.arn, Message="from inside")
    assert wait_until("the delivery", queue.bodies) == ["from inside"]


def test_resource_control_policies_are_not_about_keys_of_aws(localstack, here):
    """Organizations User Guide, "Resources and entities not restricted by RCPs"."""
    kms = here.root("kms")
    join(localstack, here.account, resourcePolicies=denied_to_all("kms:DescribeKey"))
    key = create_key(kms)
    message = not_authorized(f"arn:aws:iam::{here.account}:root", "kms:DescribeKey", key, EXPLICITLY)
    assert denial(kms.describe_key, KeyId=key) == ("AccessDeniedException", message)
    assert aws_managed_key(kms) != key


def source_is(arn: str) -> dict:
    return {"ArnEquals": {"aws:SourceArn": arn}}


def denials_on(localstack, resource: str) -> dict | None:
    """The latest denial on a resource."""
    denials = call(localstack, "GET", "denials")[1]
    return next((each for each in reversed(denials) if each["resource"] == resource), None)


def test_what_cannot_be_delivered_comes_from_the_topic(here):
    """SNS Developer Guide, "Configuring a dead-letter queue": its policy names the topic."""
    topic = Topic(here)
    sns_sends = by({"Service": "sns.amazonaws.com"}, "sqs:SendMessage", Condition=source_is(topic.arn))
    dead = Queue(here, sns_sends, name="dead")
    topic.subscribe(Queue(here), RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.arn}))
    topic.sns.publish(TopicArn=topic.arn, Message="hello")

    assert wait_until("the dead letter", dead.bodies) == ["hello"]


def test_rules_send_to_queues_that_let_them(localstack, here):
    """EventBridge User Guide, "Using resource-based policies for Amazon EventBridge": the rule is named."""
    events = here.root("events")
    rule = f"arn:aws:events:{REGION}:{here.account}:rule/all"
    sends = by({"Service": "events.amazonaws.com"}, "sqs:SendMessage", Condition=source_is(rule))
    queue, left = Queue(here, sends, name="open"), Queue(here, name="left")
    events.put_rule(Name="all", EventPattern=json.dumps({"source": ["image-copier"]}))
    targets = [{"Id": each.arn.rsplit(":", 1)[1], "Arn": each.arn} for each in (queue, left)]
    events.put_targets(Rule="all", Targets=targets)
    events.put_events(Entries=[{"Source": "image-copier", "DetailType": "Image Copied", "Detail": "{}"}])

    wait_until("the event", queue.bodies)
    assert wait_until("the denial", lambda: denials_on(localstack, left.arn))["principal"] == "events.amazonaws.com"
    assert left.bodies() == []


def test_function_is_invoked_by_whom_its_policy_names(localstack, here, there, create_function):
    """Lambda Developer Guide, "Working with resource-based IAM policies in Lambda"."""
    function = create_function(here.account, "export const handler = async () => 'done';")
    worker = there.role(allow("lambda:InvokeFunction"))
    client = worker.client("lambda")
    message = not_allowed(worker.arn, "lambda:InvokeFunction", function.arn, "resource-based policy")
    assert denial(client.invoke, FunctionName=function.arn) == ("AccessDeniedException", message)

    function.lambda_client.add_permission(
        FunctionName=function.name, StatementId="there", Action="lambda:InvokeFunction", Principal=there.account
    )

    assert json.load(client.invoke(FunctionName=function.arn)["Payload"]) == "done"


def test_mapping_needs_a_role_that_may_poll(here, create_function):
    """Lambda API Reference, CreateEventSourceMapping: InvalidParameterValueException."""
    here.iam.create_role(RoleName="probe", AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com"))
    function = create_function(here.account, "export const handler = async () => {};")
    queue = Queue(here)
    request = {"EventSourceArn": queue.arn, "FunctionName": function.name}
    missing = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"]
    for count, action in enumerate(missing):
        if count:
            allowed = allow([f"sqs:{each}" for each in missing[:count]], queue.arn)
            here.iam.put_role_policy(RoleName="probe", PolicyName="calls", PolicyDocument=document(allowed))
        code, message = denial(function.lambda_client.create_event_source_mapping, **request)
        assert code == "InvalidParameterValueException"
        assert message == f"The provided execution role does not have permissions to call {action} on SQS"


def test_function_writes_to_its_log_group_without_making_it(here, create_function):
    """As the copier's roles: they may make streams and write to them, and the group is there already."""
    group = "/aws/lambda/probe"
    here.iam.create_role(RoleName="probe", AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com"))
    write = allow(
        ["logs:CreateLogStream", "logs:PutLogEvents"], f"arn:aws:logs:{REGION}:{here.account}:log-group:{group}:*"
    )
    here.iam.put_role_policy(RoleName="probe", PolicyName="calls", PolicyDocument=document(write))
    here.root("logs").create_log_group(logGroupName=group)
    function = create_function(here.account, "export const handler = async () => console.log('written');")

    function.invoke()

    assert function.log_lines("REPORT")


def test_bus_of_another_account(here, there):
    """EventBridge User Guide, "Permissions for event buses"."""
    bus = f"arn:aws:events:{REGION}:{there.account}:event-bus/default"
    entries = [{"EventBusName": bus, "Source": "image-copier", "DetailType": "Image Copied", "Detail": "{}"}]
    worker = here.role(allow("events:PutEvents"))
    code, message = denial(worker.client("events").put_events, Entries=entries)
    assert (code, message) == (
        "AccessDeniedException",
        not_allowed(worker.arn, "events:PutEvents", bus, "resource-based policy"),
    )
    there.root("events").put_permission(
        EventBusName="default", Policy=document(by({"AWS": here.account}, "events:PutEvents", Resource=bus))
    )
    assert worker.client("events").put_events(Entries=entries)["FailedEntryCount"] == 0


def test_key_decides_itself(here, there):
    """KMS Developer Guide, "Key policies in AWS KMS": no IAM policy is of use unless the key's policy lets it."""
    kms = here.root("kms")
    key = create_key(kms)
    worker = here.role(allow("kms:DescribeKey"))
    role_arn = here.iam.get_role(RoleName="worker")["Role"]["Arn"]
    worker.client("kms").describe_key(KeyId=key)

    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(by({"AWS": role_arn}, "kms:*")))
    worker.client("kms").describe_key(KeyId=key)
    # It was not named any more, so it has locked itself out.
    root = f"arn:aws:iam::{here.account}:root"
    message = not_allowed(root, "kms:DescribeKey", key, "resource-based policy")
    assert denial(kms.describe_key, KeyId=key) == ("AccessDeniedException", message)

    code, message = denial(there.root("kms").describe_key, KeyId=key)
    root = f"arn:aws:iam::{there.account}:root"
    assert (code, message) == (
        "AccessDeniedException",
        not_allowed(root, "kms:DescribeKey", key, "resource-based policy"),
    )


def test_functions_take_roles_that_trust_them(here):
    """Lambda API Reference, CreateFunction: the role has to be one that Lambda can assume."""
    here.iam.create_role(RoleName="function", AssumeRolePolicyDocument=trust(Service="events.amazonaws.com"))
    role_arn = f"arn:aws:iam::{here.account}:role/function"
    request = {"FunctionName": "copy", "Runtime": "nodejs22.x", "Handler": "index.handler", "Role": role_arn}
    lambda_client = here.root("lambda")
    code, message = denial(lambda_client.create_function, Code={"ZipFile": b"no zip"}, **request)
    assert code == "InvalidParameterValueException"
    assert message == "The role defined for the function cannot be assumed by Lambda."


def test_grants_are_given_by_whom_the_key_lets(here):
    """KMS Developer Guide, "kms:GrantIsForAWSResource": a grant that is asked for directly is for no service."""
    key = create_key(here.root("kms"))
    grant = {"KeyId": key, "GranteePrincipal": f"arn:aws:iam::{here.account}:root", "Operations": ["Decrypt"]}
    for_services = allow("kms:CreateGrant", key, Condition={"Bool": {"kms:GrantIsForAWSResource": "true"}})
    worker = here.role(for_services)
    message = not_allowed(worker.arn, "kms:CreateGrant", key)
    assert denial(worker.client("kms").create_grant, **grant) == ("AccessDeniedException", message)

    here.role(allow("kms:CreateGrant", key), name="other").client("kms").create_grant(**grant)


@pytest.mark.parametrize("tier, action", [("Standard", "kms:Encrypt"), ("Advanced", "kms:GenerateDataKey")])
def test_parameters_are_encrypted_with_the_rights_of_who_puts_them(here, tier, action):
    """Systems Manager User Guide, "AWS KMS encryption for ... Parameter Store SecureString parameters"."""
    key = create_key(here.root("kms"))
    parameter = {"Name": "/secret", "Value": "it", "Type": "SecureString", "Tier": tier, "KeyId": key}
    through = {"StringEquals": {"kms:ViaService": f"ec2.{REGION}.amazonaws.com"}}
    worker = here.role(allow("ssm:PutParameter"), allow("kms:*", key, Condition=through))
    message = not_allowed(worker.arn, action, key)
    assert denial(worker.client("ssm").put_parameter, **parameter) == ("AccessDeniedException", message)

    through["StringEquals"]["kms:ViaService"] = f"ssm.{REGION}.amazonaws.com"
    other = here.role(allow("ssm:PutParameter"), allow(action, key, Condition=through), name="other")
    other.client("ssm").put_parameter(**parameter)


class Bucket:
    """A bucket with one object."""

    def __init__(self, owner: Identities) -> None:
        self.s3 = owner.root("s3")
        self.name = f"artifacts-{owner.account}"
        self.s3.create_bucket(Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.s3.put_object(Bucket=self.name, Key="copy.zip", Body=b"zip")
        self.object_arn = f"arn:aws:s3:::{self.name}/copy.zip"

    def set_policy(self, *statements: dict) -> None:
        self.s3.put_bucket_policy(Bucket=self.name, Policy=document(*statements))


def test_bucket_of_another_account(here, there):
    """Amazon S3 User Guide, "How Amazon S3 authorizes a request": the bucket's policy and the caller's account."""
    bucket = Bucket(there)
    worker, root = here.role(allow("s3:*")), f"arn:aws:iam::{here.account}:root"
    request = {"Bucket": bucket.name, "Key": "copy.zip"}
    for arn, s3 in ((worker.arn, worker.client("s3")), (root, here.root("s3"))):
        message = not_allowed(arn, "s3:GetObject", bucket.object_arn, "resource-based policy")
        assert denial(s3.get_object, **request) == ("AccessDenied", message)

    bucket.set_policy(by({"AWS": here.account}, "s3:GetObject", Resource=bucket.object_arn))

    for s3 in (worker.client("s3"), here.root("s3")):
        assert s3.get_object(**request)["Body"].read() == b"zip"
        assert denial(s3.put_object, **request, Body=b"other")[0] == "AccessDenied"
        assert denial(s3.delete_object, **request)[0] == "AccessDenied"
        assert denial(s3.list_objects_v2, Bucket=bucket.name)[0] == "AccessDenied"
    assert denial(here.role(name="other").client("s3").get_object, **request)[0] == "AccessDenied"


def test_versions_and_tags_of_objects_need_rights_of_their_own(here):
    """Amazon S3 API Reference, GetObject and PutObject, "Permissions"."""
    bucket = Bucket(here)
    worker = here.role(allow(["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]))
    s3, request = worker.client("s3"), {"Bucket": bucket.name, "Key": "copy.zip"}
    for operation, options, action in (
        ("get_object", {"VersionId": "1"}, "GetObjectVersion"),
        ("put_object", {"Tagging": "Team=web"}, "PutObjectTagging"),
        ("delete_object", {"VersionId": "1"}, "DeleteObjectVersion"),
    ):
        message = not_allowed(worker.arn, f"s3:{action}", bucket.object_arn)
        assert denial(getattr(s3, operation), **request, **options) == ("AccessDenied", message)
    s3.put_object(**request)
    s3.delete_object(**request)


def test_a_template_in_a_bucket_is_read_with_the_rights_of_who_names_it(here, there):
    """CloudFormation API Reference, CreateStack and CreateStackSet, TemplateURL."""
    bucket = Bucket(there)
    bucket.s3.put_object(Bucket=bucket.name, Key="copy.zip", Body=b'{"Resources":{"T":{"Type":"AWS::SNS::Topic"}}}')
    worker = here.role(allow("*"))
    url = f"https://{bucket.name}.s3.{REGION}.amazonaws.com/copy.zip"
    cloudformation = worker.client("cloudformation")
    message = not_allowed(worker.arn, "s3:GetObject", bucket.object_arn, "resource-based policy")
    for operation in (
        lambda: cloudformation.create_stack(StackName="copier", TemplateURL=url),
        lambda: cloudformation.create_stack_set(StackSetName="copier", TemplateURL=url),
    ):
        assert denial(operation) == ("AccessDenied", message)

    bucket.set_policy(by({"AWS": here.account}, "s3:GetObject", Resource=bucket.object_arn))

    cloudformation.create_stack_set(StackSetName="copier", TemplateURL=url)
    cloudformation.create_stack(StackName="copier", TemplateURL=url)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="copier", WaiterConfig={"Delay": 1})


def test_code_in_a_bucket_is_read_with_the_rights_of_who_names_it(here, there, create_function):
    """Lambda API Reference, FunctionCode: a bucket may be another account's."""
    bucket = Bucket(there)
    function = create_function(here.account, "export const handler = async () => {};")
    worker = here.role(allow("*"))
    code = {"S3Bucket": bucket.name, "S3Key": "copy.zip"}
    role = {"Role": f"arn:aws:iam::{here.account}:role/probe", "Runtime": "nodejs22.x", "Handler": "index.handler"}
    message = not_allowed(worker.arn, "s3:GetObject", bucket.object_arn, "resource-based policy")
    lambda_client = worker.client("lambda")
    for call_it in (
        lambda: denial(lambda_client.create_function, FunctionName="other", Code=code, **role),
        lambda: denial(lambda_client.update_function_code, FunctionName=function.name, **code),
    ):
        assert call_it() == ("AccessDeniedException", message)

    bucket.set_policy(by({"AWS": here.account}, "s3:GetObject", Resource=bucket.object_arn))

    # It is read now, and is no zip.
    answer = denial(lambda_client.update_function_code, FunctionName=function.name, **code)
    assert answer[0] == "InvalidParameterValueException"
