"""A queue that a rule of EventBridge feeds, for the tests that look at events."""

import json
from collections.abc import Callable
from typing import Any

from conditions import wait_until
from resource_policies import service_sends

REGION = "eu-west-1"


class EventQueue:
    """A queue in an account, the rule that feeds it, and what was received from it."""

    def __init__(self, localstack: Any, account: str, *, fifo_group: str | None = None, **rule: str) -> None:
        self.account = account
        self.sqs = localstack.client("sqs", account)
        self.events = localstack.client("events", account)
        self.received: list[dict] = []
        name = "events.fifo" if fifo_group else "events"
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo_group else {}
        self.arn = f"arn:aws:sqs:{REGION}:{account}:{name}"
        attributes |= service_sends("events", self.arn)
        self.url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.rule_arn = self.events.put_rule(Name="events", **rule)["RuleArn"]
        self.target: dict[str, Any] = {"Id": "queue", "Arn": self.arn}
        if fifo_group:
            self.target["SqsParameters"] = {"MessageGroupId": fifo_group}
        self.put_target()

    def put_target(self) -> None:
        """Make the queue the rule's target, once more if it is."""
        assert self.events.put_targets(Rule="events", Targets=[self.target])["FailedEntries"] == []

    def receive(self, wait_seconds: int = 0) -> list[dict]:
        """What was received, with the messages that are there now or come meanwhile; they are deleted."""
        answer = self.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        self.received += [message | {"Event": json.loads(message["Body"])} for message in messages]
        return self.received

    def message(self, describe: str, matches: Callable[[dict], bool]) -> dict:
        """The message with the event that matches, once it was delivered."""

        def found(messages: list[dict]) -> dict | None:
            return next((message for message in messages if matches(message["Event"])), None)

        return wait_until(describe, lambda: found(self.received) or found(self.receive(wait_seconds=1)))


def pattern(source: str, detail_type: str) -> str:
    """The event pattern for one kind of event."""
    return json.dumps({"source": [source], "detail-type": [detail_type]})
