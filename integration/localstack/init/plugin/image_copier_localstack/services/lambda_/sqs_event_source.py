"""Event source mappings from SQS to Lambda, where LocalStack's poller differs from the Lambda Developer Guide.

"Using Lambda with Amazon SQS": Lambda long-polls, hands on each message as it stands, and processes up to five batches
of a standard queue at a time, or as many as the mapping's maximum concurrency allows ("Configuring scaling behavior for
SQS event source mappings"). From a FIFO queue it takes as many as there are message groups, up to that maximum: the
queue itself holds a group back while messages of it are in flight. LocalStack's poller waits up to 10 seconds between
polls, rewrites a body that is JSON, and processes one batch after the other.
"""

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ConnectionClosedError
from localstack.services.lambda_.event_source_mapping import esm_worker_factory
from localstack.services.lambda_.event_source_mapping.esm_worker import EsmWorker
from localstack.services.lambda_.event_source_mapping.event_processor import PartialBatchFailureError
from localstack.services.lambda_.event_source_mapping.pollers.poller import parse_batch_item_failures
from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller, transform_into_events
from localstack.services.sqs.models import FifoQueue, sqs_stores
from localstack.utils.aws.arns import parse_arn
from localstack.utils.patch import patch

LOG = logging.getLogger(__name__)

BATCHES_AT_A_TIME = 5
# The concurrency of an account (Lambda Developer Guide, "Lambda quotas"): for FIFO queues there is no other limit.
ACCOUNT_CONCURRENCY = 1000
# AWS waits up to 20 seconds; a mapping that is deleted here has to wait for the poll that is under way.
WAIT_SECONDS = 2
# How often a poller looks whether its queue has messages.
LOOK_SECONDS = 0.2
RECEIVE_LIMIT = 10
# A client's pool of connections holds this many (botocore's max_pool_connections), and each of them may be closed.
POOLED_CONNECTIONS = 10

# By mapping: the worker that polls for it now. An update replaces the worker.
current_workers: dict[str, EsmWorker] = {}


class QueuePoller(SqsPoller):
    """Polls one queue until its mapping is stopped."""

    stopped: threading.Event
    free_slots: threading.Semaphore

    def attach(self, worker: EsmWorker) -> None:
        """Take the end and the concurrency of the mapping that this poller serves."""
        self.stopped = worker._shutdown_event
        batches = ACCOUNT_CONCURRENCY if self.source_arn.endswith(".fifo") else BATCHES_AT_A_TIME
        allowed = (worker.esm_config.get("ScalingConfig") or {}).get("MaximumConcurrency") or batches
        self.free_slots = threading.Semaphore(min(allowed, batches))

    def poll_events(self) -> None:
        while not self.stopped.is_set():
            # No message is received before it can be processed: its visibility timeout runs from then on.
            if not self.free_slots.acquire(timeout=1):
                continue
            messages: list[dict] = []
            try:
                messages = self.receive()
            finally:
                if not messages:
                    self.free_slots.release()
            if messages:
                threading.Thread(target=self.process, args=(messages,), daemon=True).start()

    def wait_for_messages(self) -> None:
        """Look at the queue without a call: those of many mappings that wait would keep LocalStack busy."""
        while not self.stopped.is_set() and not may_have_messages(self.source_arn):
            self.stopped.wait(LOOK_SECONDS)

    def receive(self) -> list[dict]:
        self.wait_for_messages()
        if self.stopped.is_set():
            return []
        response = self.source_client.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=min(self.batch_size, RECEIVE_LIMIT),
            WaitTimeSeconds=min(self.maximum_batching_window, 20) or WAIT_SECONDS,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
            sqs_override_max_message_count=self.batch_size,
            sqs_override_wait_time_seconds=self.maximum_batching_window,
        )
        return response.get("Messages", [])

    def process(self, messages: list[dict]) -> None:
        try:
            self.handle_messages(messages)
        except Exception as error:
            LOG.warning("The batch from %s failed and stays in the queue: %s", self.source_arn, error)
        finally:
            self.free_slots.release()

    def handle_messages(self, messages: list[dict]) -> None:
        events = {event["messageId"]: event for event in transform_into_events(messages)}
        wanted = {event["messageId"] for event in self.filter_events([as_filtered(event) for event in events.values()])}
        self.delete_messages(messages, events.keys() - wanted)
        if not wanted:
            return
        batch = self.add_source_metadata([event for message_id, event in events.items() if message_id in wanted])
        failed: set[str] = set()
        try:
            repeat_where_closed(lambda: self.processor.process_events_batch(batch))
        except PartialBatchFailureError as error:
            failed = set(parse_batch_item_failures(error.partial_failure_payload, wanted))
        # What failed becomes visible again when its visibility timeout is over, which the function may have changed.
        self.delete_messages(messages, wanted - failed)

    def delete_messages(self, messages: list[dict], message_ids_to_delete: set) -> None:
        repeat_where_closed(lambda: super(QueuePoller, self).delete_messages(messages, message_ids_to_delete))


def repeat_where_closed(call: Callable[[], Any]) -> None:
    """Call again where the connection was closed under the call.

    LocalStack's server closes a connection that was idle for a minute. A request that is sent just then reaches
    nobody, and the clients of a mapping are made without retries: the batch would be in flight until its visibility
    timeout is over, with nobody at work on it.
    """
    for _ in range(POOLED_CONNECTIONS):
        try:
            call()
            return
        except ConnectionClosedError as error:
            LOG.info("Repeating a call: %s", error)
    call()


def may_have_messages(queue_arn: str) -> bool:
    """Whether a call would find messages. For a queue that is gone it says so itself."""
    arn = parse_arn(queue_arn)
    queue = sqs_stores[arn["account"]][arn["region"]].queues.get(arn["resource"])
    if queue is None:
        return True
    ready = queue.message_group_queue if isinstance(queue, FifoQueue) else queue.visible
    return ready.qsize() > 0


def as_filtered(event: dict) -> dict:
    """The event as filter criteria see it: a body that is JSON is looked into."""
    try:
        return {**event, "body": json.loads(event["body"])}
    except json.JSONDecodeError:
        return event


def install() -> None:
    """Make mappings poll with QueuePoller."""
    esm_worker_factory.SqsPoller = QueuePoller

    @patch(esm_worker_factory.EsmWorkerFactory.get_esm_worker)
    def get_esm_worker(original, self):
        worker = original(self)
        if isinstance(worker.poller, QueuePoller):
            worker.poller.attach(worker)
        return worker

    @patch(EsmWorker.create)
    def create(original, self):
        current_workers[self.uuid] = self
        original(self)

    @patch(EsmWorker.update_esm_state_in_store)
    def update_esm_state_in_store(original, self, new_state):
        """A mapping that is updated stays enabled (AWS Lambda API Reference, UpdateEventSourceMapping).

        The worker that was replaced ends later than the new one begins, and would say that the mapping is disabled.
        """
        if current_workers.get(self.uuid, self) is self:
            original(self, new_state)
