"""Connections that are closed under a poller, in the poller itself: from outside, that moment cannot be met."""

from types import SimpleNamespace

import pytest
from botocore.exceptions import ConnectionClosedError
from image_copier_localstack.services.lambda_.sqs_event_source import QueuePoller
from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller

MESSAGE = {"MessageId": "one", "ReceiptHandle": "handle", "Body": "body", "MD5OfBody": "", "Attributes": {}}


class Connection:
    """Takes calls, after it was closed under the first ones."""

    def __init__(self, closed: int) -> None:
        self.closed = closed
        self.taken = []

    def call(self, *args, **kwargs) -> dict:
        if self.closed > 0:
            self.closed -= 1
            raise ConnectionClosedError(endpoint_url="http://localhost")
        self.taken.append((args, kwargs))
        return {}


class UnconnectedPoller(QueuePoller):
    """A poller of a queue and a function that are no more than their connections."""

    def __init__(self, function: Connection, queue: Connection) -> None:
        client = SimpleNamespace(delete_message_batch=queue.call)
        processor = SimpleNamespace(process_events_batch=function.call)
        # The constructor of SqsPoller asks LocalStack for the URL of the queue.
        super(SqsPoller, self).__init__("arn:aws:sqs:eu-west-1:000000000000:requests", {}, client, processor)
        self.queue_url = "http://localhost/requests"
        self.batch_size = 1


@pytest.mark.parametrize(("closed_to_function", "closed_to_queue"), [(1, 0), (0, 1), (3, 3)])
def test_a_batch_is_processed_and_deleted_where_idle_connections_were_closed(closed_to_function, closed_to_queue):
    """Without that, its messages would be in flight with nobody at work on them."""
    function, queue = Connection(closed_to_function), Connection(closed_to_queue)

    UnconnectedPoller(function, queue).handle_messages([MESSAGE])

    assert (len(function.taken), len(queue.taken)) == (1, 1)


def test_a_connection_that_is_always_closed_is_an_error():
    with pytest.raises(ConnectionClosedError):
        UnconnectedPoller(Connection(1000), Connection(0)).handle_messages([MESSAGE])
