"""What happens once a minute: these tests wait for the same one. Each names the page that it follows."""

from datetime import UTC, datetime, timedelta

import pytest
from conditions import wait_until
from event_queue import EventQueue


class CountedQueue:
    """A queue that messages are sent to and received from, and what CloudWatch knows of it."""

    def __init__(self, localstack, account: str) -> None:
        self.sqs = localstack.client("sqs", account)
        self.cloudwatch = localstack.client("cloudwatch", account)
        self.url = self.sqs.create_queue(QueueName="counted")["QueueUrl"]

    def use(self) -> None:
        """Send messages of 1, 2 and 2 bytes, receive them, delete two of them, and receive none."""
        for body in ("1", "22", "22"):
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)
        received = [self.sqs.receive_message(QueueUrl=self.url)["Messages"][0] for _ in range(3)]
        for message in received[:2]:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        assert "Messages" not in self.sqs.receive_message(QueueUrl=self.url)

    def count(self, metric: str) -> tuple[float, float]:
        """Sum and number of all values of a metric of the queue."""
        now = datetime.now(UTC)
        points = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName=metric,
            Dimensions=[{"Name": "QueueName", "Value": "counted"}],
            StartTime=now - timedelta(minutes=10),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum", "SampleCount"],
        )["Datapoints"]
        return sum(point["Sum"] for point in points), sum(point["SampleCount"] for point in points)


@pytest.fixture(scope="module", autouse=True)
def queue(localstack, new_account):
    """A queue that was used before the minute that all tests wait for."""
    queue = CountedQueue(localstack, new_account())
    queue.use()
    return queue


def test_schedule_reaches_a_fifo_queue_once_a_minute(localstack, new_account):
    """EventBridge User Guide, "Creating a rule that runs on a schedule"; API Reference, PutRule and DisableRule."""
    minute = {"fifo_group": "settle", "ScheduleExpression": "rate(1 minute)"}
    queue, disabled, later = (EventQueue(localstack, new_account(), **minute) for _ in range(3))
    queue.put_target()
    queue.events.put_rule(Name="events", ScheduleExpression="rate(1 minute)")
    disabled.events.disable_rule(Name="events")
    later.events.put_rule(Name="events", ScheduleExpression="cron(0 0 29 2 ? *)")
    last = EventQueue(localstack, new_account(), **minute)

    def reached() -> bool:
        # All are asked: LocalStack closes a connection that is idle for a minute, maybe just when it is used again.
        for each in (queue, disabled, later):
            each.receive()
        return bool(last.receive(wait_seconds=1))

    wait_until("a scheduled event of the rule that was made last", reached, timeout_seconds=180)
    message = queue.message("a scheduled event", lambda e: True)

    assert message["Attributes"]["MessageGroupId"] == "settle"
    event = message["Event"]
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert (event["resources"], event["account"]) == ([queue.rule_arn], queue.account)
    assert len(queue.received) == 1
    assert disabled.receive() == later.receive() == []


def test_calls_of_a_queue_are_counted(queue):
    """SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS"."""
    wait_until("the messages sent", lambda: queue.count("NumberOfMessagesSent") == (3, 3), timeout_seconds=180)

    assert queue.count("SentMessageSize") == (5, 3)
    assert queue.count("NumberOfMessagesReceived") == (3, 3)
    assert queue.count("NumberOfMessagesDeleted") == (2, 2)
    assert queue.count("NumberOfEmptyReceives") == (1, 1)
