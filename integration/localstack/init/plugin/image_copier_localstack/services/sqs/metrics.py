"""The metrics of a queue's calls, which SQS sends to CloudWatch once a minute.

Amazon SQS Developer Guide, "Monitoring Amazon SQS queues using CloudWatch". LocalStack sends each number when it
arises, with a call of its own, which takes longer than the call that is counted. Here they go with the numbers of
messages in the queues, which LocalStack sends once a minute.
"""

import itertools
import logging
import threading
from collections import Counter, defaultdict
from datetime import UTC, datetime

from localstack.aws.connect import connect_to
from localstack.services.sqs.provider import CloudwatchDispatcher, CloudwatchPublishWorker
from localstack.utils.patch import patch

LOG = logging.getLogger(__name__)

# Metrics in a call (CloudWatch API Reference, PutMetricData).
CALL_LIMIT = 1000

LOCK = threading.Lock()
# By account and Region, and by queue, metric and unit: how often each number arose since the last were sent.
unsent: defaultdict[tuple[str, str], defaultdict[tuple[str, str, str], Counter[float]]]
unsent = defaultdict(lambda: defaultdict(Counter))


def send() -> None:
    """Send CloudWatch all numbers that it does not have."""
    with LOCK:
        sending = dict(unsent)
        unsent.clear()
    now = datetime.now(UTC)
    for (account, region), metrics in sending.items():
        data = [
            {
                "MetricName": metric,
                "Dimensions": [{"Name": "QueueName", "Value": queue}],
                "Unit": unit,
                "Timestamp": now,
                "Values": list(numbers),
                "Counts": list(numbers.values()),
            }
            for (queue, metric, unit), numbers in metrics.items()
        ]
        cloudwatch = connect_to(aws_access_key_id=account, region_name=region).cloudwatch
        for part in itertools.batched(data, CALL_LIMIT):
            try:
                cloudwatch.put_metric_data(Namespace="AWS/SQS", MetricData=list(part))
            except Exception as error:
                LOG.warning("Metrics of the queues of %s in %s are lost: %s", account, region, error)


def install() -> None:
    """Patch the reports of the SQS provider."""

    @patch(CloudwatchDispatcher.dispatch_sqs_metric)
    def dispatch_sqs_metric(_original, _self, account_id, region, queue_name, metric, value=1, unit="Count"):
        with LOCK:
            unsent[account_id, region][queue_name, metric, unit][value] += 1

    @patch(CloudwatchPublishWorker.publish_approximate_cloudwatch_metrics)
    def publish_approximate_cloudwatch_metrics(original, self):
        original(self)
        send()
