"""Event source mappings from FIFO queues to Lambda. Each test names the page of the guide that it follows."""

import time

from conditions import wait_until
from event_source import BACKED_OFF_MS, REGION, bodies_of, most_at_a_time


def test_fifo_messages_are_processed_in_the_order_of_their_group(source):
    """Configuring scaling behavior for SQS event source mappings: FIFO queues; one batch of a group at a time."""
    source.connect(
        """
        const start = Date.now();
        await sleep(event.Records[0].body === '0' ? 1500 : 0);
        await report({ start, end: Date.now(), bodies: event.Records.map(({ body }) => body) });
        """,
        fifo=True,
        BatchSize=2,
    )

    source.send(*[str(number) for number in range(9)], MessageGroupId="settle")

    wait_until("every message", lambda: source.wait_for_reports(1) and len(bodies_of(source.reports)) >= 9)
    reports = sorted(source.reports, key=lambda report: report["start"])
    assert bodies_of(reports) == [str(number) for number in range(9)]
    assert most_at_a_time(reports) == 1
    source.wait_until_empty()


def test_fifo_groups_are_processed_at_the_same_time(source):
    """Configuring scaling behavior for SQS event source mappings: as many batches as there are message groups."""
    source.connect_held(fifo=True)

    for group in range(7):
        source.send(f"first {group}", f"second {group}", MessageGroupId=str(group))

    source.assert_runs_at_a_time(7, total=14)


def test_fifo_groups_are_processed_up_to_the_maximum_concurrency(source):
    """Configuring scaling behavior for SQS event source mappings: the lower of message groups and maximum."""
    source.connect_held(fifo=True, ScalingConfig={"MaximumConcurrency": 2})

    for group in range(4):
        source.send(f"first {group}", MessageGroupId=str(group))

    source.assert_runs_at_a_time(2, total=4)


def test_failed_fifo_message_holds_its_group_back_and_no_other(source):
    """SQS Developer Guide, FIFO queue delivery logic; Lambda retries before it takes more of the group."""
    source.connect(
        """
        const { body, attributes, receiptHandle } = event.Records[0];
        await report({ body, receiptHandle });
        if (body === 'fails' && attributes.ApproximateReceiveCount === '1') throw new Error('first time');
        """,
        fifo=True,
        BatchSize=1,
    )
    source.send("fails", "after it", MessageGroupId="one")
    [failed] = source.wait_for_reports(1)
    source.send("other", "other 2", MessageGroupId="two")
    source.wait_for_reports(3)

    # The failed message's time is over once the others were processed, however long they took.
    changed = time.time() * 1000
    source.sqs.change_message_visibility(
        QueueUrl=source.queue_url, ReceiptHandle=failed["receiptHandle"], VisibilityTimeout=1
    )

    reports = source.wait_for_reports(5)
    assert [report["body"] for report in reports] == ["fails", "other", "other 2", "fails", "after it"]
    assert reports[3]["at"] - changed >= 900
    source.wait_until_empty()


def test_failed_fifo_messages_of_a_batch_come_back_before_the_next(source):
    """Handling errors for an SQS event source: partial batch responses with a FIFO queue."""
    source.connect(
        """
        const { Records } = event;
        await report({ bodies: Records.map(({ body }) => body) });
        const failed = Records.filter(({ body, attributes }) =>
          body !== '0' && attributes.ApproximateReceiveCount === '1');
        for (const record of failed) await setVisibility(record, 1);
        return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
        """,
        fifo=True,
        BatchSize=3,
    )
    # Sent in one call, so that they are received together.
    entries = [{"Id": n, "MessageBody": n, "MessageGroupId": "settle"} for n in "0123"]
    source.sqs.send_message_batch(QueueUrl=source.queue_url, Entries=entries)

    wait_until("the last message", lambda: source.wait_for_reports(1) and bodies_of(source.reports).count("3") == 2)

    seen = bodies_of(source.reports)
    assert seen[0] == "0"
    assert {n: seen.count(n) for n in "0123"} == {"0": 1, "1": 2, "2": 2, "3": 2}
    assert seen[seen.index("3") - 2 : seen.index("3")] == ["1", "2"]
    source.wait_until_empty()


def test_fifo_body_is_handed_on_as_it_stands_with_its_group(source):
    """Using Lambda with Amazon SQS: example FIFO queue message event."""
    body = '{ "a":1.0,\n "b" : "ü" }'
    source.connect("await report({ event })", fifo=True)

    source.send(body, MessageGroupId="settle")

    [record] = source.wait_for_reports(1)[0]["event"]["Records"]
    assert record["body"] == body
    assert record["attributes"]["MessageGroupId"] == "settle"
    assert record["attributes"].keys() >= {"MessageDeduplicationId", "SequenceNumber"}
    assert record["eventSourceARN"] == f"arn:aws:sqs:{REGION}:{source.account}:requests.fifo"


def test_idle_mapping_takes_a_fifo_message_at_once(source):
    """Using Lambda with Amazon SQS: Lambda polls the queue by long polling."""
    source.connect("await report({})", fifo=True)
    source.send("first", MessageGroupId="settle")
    first = source.wait_for_reports(1)[0]["at"]
    wait_until("the mapping was idle for 8 s", lambda: time.time() * 1000 > first + 8_000)

    sent = time.time() * 1000
    source.send("second", MessageGroupId="settle")

    assert source.wait_for_reports(2)[1]["at"] - sent < BACKED_OFF_MS
