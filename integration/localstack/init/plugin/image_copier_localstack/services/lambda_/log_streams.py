"""A function's log: Lambda makes a stream in the log group, and the group only where there is none.

LocalStack makes the group whenever there is no stream, and a role that may write to its group alone would lose its log
(Lambda Developer Guide, "Sending Lambda function logs to CloudWatch Logs").
"""

import logging

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to
from localstack.services.lambda_.invocation.logs import LogHandler, LogItem
from localstack.utils.aws.client_types import ServicePrincipal
from localstack.utils.patch import patch

LOG = logging.getLogger(__name__)

# LocalStack goes on from there: the stream is there already, or it has to make the group too.
LEFT_TO_LOCALSTACK = ("ResourceAlreadyExistsException", "ResourceNotFoundException")


def make_stream(handler: LogHandler, item: LogItem) -> None:
    """Make the stream of an execution environment, once, as the function's role."""
    made = handler.__dict__.setdefault("image_copier_streams", set())
    if item.log_stream in made:
        return
    made.add(item.log_stream)
    clients = connect_to.with_assumed_role(
        region_name=handler.region, role_arn=handler.role_arn, service_principal=ServicePrincipal.lambda_
    )
    try:
        clients.logs.create_log_stream(logGroupName=item.log_group, logStreamName=item.log_stream)
    except ClientError as error:
        if error.response["Error"]["Code"] not in LEFT_TO_LOCALSTACK:
            LOG.warning("The log stream %s was not made: %s", item.log_stream, error)


def install() -> None:
    """Patch what collects the logs of a function's version."""

    @patch(LogHandler.add_logs)
    def add_logs(original, self, log_item):
        make_stream(self, log_item)
        original(self, log_item)
