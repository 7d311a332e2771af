"""What Lambda asks of a function's role before it makes an event source mapping.

Lambda Developer Guide, "Using Lambda with Amazon SQS": the execution role needs these permissions on the queue.
"""

from localstack.aws.api.lambda_ import InvalidParameterValueException
from localstack.services.lambda_.provider import LambdaProvider
from localstack.utils.aws.arns import parse_arn
from localstack.utils.patch import patch

from ..iam.authorization.request import Request
from ..iam.authorization.sqs import on_queue
from ..iam.callers import role_caller
from ..iam.enforcement import is_enforced

ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
NOT_PERMITTED = "The provided execution role does not have permissions to call {action} on SQS"


def check_role(queue_arn: str, role_arn: str) -> None:
    """Reject a mapping that could not poll."""
    arn = parse_arn(queue_arn)
    caller = role_caller(role_arn, "lambda", arn["partition"])
    params = {"QueueName": arn["resource"], "QueueOwnerAWSAccountId": arn["account"]}
    for action in ACTIONS:
        request = Request("sqs", action, params, arn["region"], arn["partition"], caller.principal)
        if not all(caller.decide(check).allowed for check in on_queue(request)):
            raise InvalidParameterValueException(NOT_PERMITTED.format(action=action), Type="User")


def install() -> None:
    """Patch the checks of LocalStack's provider."""

    @patch(LambdaProvider.check_service_resource_exists)
    def check_service_resource_exists(original, self, service, resource_arn, function_arn, function_role_arn):
        if is_enforced() and service in ("sqs", "sqs-fifo"):
            check_role(resource_arn, function_role_arn)
        original(self, service, resource_arn, function_arn, function_role_arn)
