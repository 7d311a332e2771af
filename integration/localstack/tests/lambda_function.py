"""Small Lambda functions that a test makes."""

import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

from conditions import wait_until


@dataclass(frozen=True)
class Answer:
    """What Invoke answered."""

    payload: Any
    error: str | None
    request_id: str


@dataclass(frozen=True)
class LambdaFunction:
    """A function that exists in one account."""

    lambda_client: Any
    logs_client: Any
    name: str
    arn: str

    def invoke(self, event: Any = None, **options: Any) -> Answer:
        response = self.lambda_client.invoke(FunctionName=self.name, Payload=json.dumps(event), **options)
        body = response["Payload"].read()
        return Answer(
            payload=json.loads(body) if body else None,
            error=response.get("FunctionError"),
            request_id=response["ResponseMetadata"]["RequestId"],
        )

    def log_lines(self, until: str) -> list[str]:
        """The messages of the function's log group, once one of them contains `until`."""

        def lines() -> list[str]:
            try:
                events = self.logs_client.filter_log_events(logGroupName=f"/aws/lambda/{self.name}")["events"]
            except self.logs_client.exceptions.ResourceNotFoundException:
                return []
            messages = [event["message"].rstrip("\n") for event in events]
            return messages if any(until in message for message in messages) else []

        return wait_until(f"a log line with {until!r}", lines)


def zip_of(files: dict[str, str]) -> bytes:
    """A zip file with these names and contents."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


# What functions of these tests do: write their log, take and send messages, and announce something.
CALLS = {"Effect": "Allow", "Action": ["events:PutEvents", "logs:*", "sns:Publish", "sqs:*"], "Resource": "*"}


def create_role(iam: Any, name: str) -> str:
    """The ARN of the execution role with this name; several functions may have one."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = {"Version": "2012-10-17", "Statement": trust}
    try:
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
    except iam.exceptions.EntityAlreadyExistsException:
        return iam.get_role(RoleName=name)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="calls", PolicyDocument=json.dumps(document | {"Statement": CALLS}))
    return arn


def create_function(
    localstack: Any, account: str, code: str | dict[str, str], name: str = "probe", **options: Any
) -> LambdaFunction:
    """Create a function from `index.mjs`, or from several files, and wait until it is Active."""
    files = {"index.mjs": code} if isinstance(code, str) else code
    client = localstack.client("lambda", account)
    role_arn = create_role(localstack.client("iam", account), name)
    settings = {
        "Runtime": "nodejs22.x",
        "Handler": "index.handler",
        "Role": role_arn,
        "Timeout": 20,
        "MemorySize": 256,
    } | options
    arn = client.create_function(FunctionName=name, Code={"ZipFile": zip_of(files)}, **settings)["FunctionArn"]

    def settled() -> dict[str, Any] | None:
        configuration = client.get_function_configuration(FunctionName=name)
        return configuration if configuration["State"] != "Pending" else None

    configuration = wait_until(f"function {name} is no longer Pending", settled)
    assert configuration["State"] == "Active", configuration.get("StateReason")
    return LambdaFunction(client, localstack.client("logs", account), name, arn)
