"""FIFO queues, where LocalStack differs from the SQS Developer Guide, "FIFO queue delivery logic in Amazon SQS".

No more messages of a message group are received until those that were received are deleted or visible again. LocalStack
releases a group with the first of its messages that is visible again, and keeps those of all groups back for one that
is not.
"""

from localstack.services.sqs.models import FifoQueue
from localstack.utils.patch import patch


def install() -> None:
    """Patch FIFO queues."""

    @patch(FifoQueue._put_message)
    def _put_message(original, self, message):
        if message.receive_count == 0:
            original(self, message)
            return
        group = self.get_message_group(message.message_group_id)
        with self.mutex:
            group.push(message)
            self.update_message_group_visibility(group)

    @patch(FifoQueue.requeue_inflight_messages)
    def requeue_inflight_messages(_original, self):
        with self.mutex:
            for message in [message for message in self.inflight if message.is_visible]:
                del self.inflight[message]
                self._put_message(message)
