"""Message groups of FIFO queues (SQS Developer Guide, "FIFO queue delivery logic in Amazon SQS")."""

import pytest
from conditions import wait_until


class FifoQueue:
    """A FIFO queue with messages in the groups `one` and `two`."""

    def __init__(self, sqs, visibility_seconds: int) -> None:
        self.sqs = sqs
        self.handles: dict[str, str] = {}
        attributes = {
            "FifoQueue": "true",
            "ContentBasedDeduplication": "true",
            "VisibilityTimeout": str(visibility_seconds),
        }
        self.url = sqs.create_queue(QueueName="settle.fifo", Attributes=attributes)["QueueUrl"]

    def send(self, group: str, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body, MessageGroupId=group)

    def receive(self, count: int = 10, **request) -> list[str]:
        answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=count, **request)
        messages = answer.get("Messages", [])
        self.handles |= {message["Body"]: message["ReceiptHandle"] for message in messages}
        return [message["Body"] for message in messages]

    def delete(self, body: str) -> None:
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=self.handles[body])

    def change_visibility(self, body: str, seconds: int) -> None:
        self.sqs.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=self.handles[body], VisibilityTimeout=seconds
        )


@pytest.fixture
def queue(localstack, new_account):
    return FifoQueue(localstack.client("sqs", new_account()), visibility_seconds=300)


def test_group_is_held_back_while_a_message_of_it_is_in_flight(queue):
    """No more messages of the group until those that were received are deleted."""
    queue.send("one", "1a", "1b", "1c")
    assert queue.receive(2) == ["1a", "1b"]
    queue.send("one", "1d")
    queue.send("two", "2a")
    assert (queue.receive(), queue.receive()) == (["2a"], [])

    queue.delete("1a")
    assert queue.receive() == []
    queue.delete("1b")

    assert queue.receive() == ["1c", "1d"]


def test_message_made_visible_comes_first_in_its_group(queue):
    """ChangeMessageVisibility with 0 releases the group, and its order stays."""
    queue.send("one", "1a", "1b")
    assert queue.receive(1) == ["1a"]

    queue.change_visibility("1a", 0)

    assert queue.receive() == ["1a", "1b"]


def test_group_stays_held_back_by_the_other_message_that_was_received(queue):
    """A message that is visible again does not release its group while another one is in flight."""
    queue.send("one", "1a", "1b", "1c")
    assert queue.receive(2) == ["1a", "1b"]

    queue.change_visibility("1b", 0)
    assert queue.receive() == []
    queue.delete("1a")

    assert queue.receive() == ["1b", "1c"]


def test_messages_come_back_together_after_their_visibility_timeout(queue):
    """The order within the group stays, for every consumer."""
    queue.send("one", "1a", "1b", "1c")
    assert queue.receive(2, VisibilityTimeout=1) == ["1a", "1b"]

    assert wait_until("the group again", queue.receive) == ["1a", "1b", "1c"]


def test_one_group_does_not_hold_another_back(queue):
    """Each group has its own messages in flight."""
    queue.send("one", "1a")
    assert queue.receive(1) == ["1a"]
    queue.send("two", "2a")
    assert queue.receive(1, VisibilityTimeout=1) == ["2a"]

    assert wait_until("the other group again", queue.receive) == ["2a"]


def test_longer_visibility_timeout_holds_the_group_back(queue):
    """ChangeMessageVisibility counts from the call on."""
    queue.send("one", "1a", "1b")
    queue.send("two", "2a")
    assert queue.receive(2, VisibilityTimeout=5) == ["1a", "1b"]
    assert queue.receive(1, VisibilityTimeout=6) == ["2a"]
    queue.change_visibility("1a", 300)

    assert wait_until("the other group again", queue.receive) == ["2a"]
