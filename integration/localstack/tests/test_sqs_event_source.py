"""Event source mappings from SQS to Lambda. Each test names the page of the guide that it follows."""

import json
import time

import pytest
from conditions import wait_until
from event_source import BACKED_OFF_MS, REGION


def test_record_is_the_documented_one(source):
    """Using Lambda with Amazon SQS: example message event."""
    source.connect("await report({ event })")

    [message_id] = source.send("text", MessageAttributes={"reason": {"DataType": "String", "StringValue": "why"}})

    [record] = source.wait_for_reports(1)[0]["event"]["Records"]
    assert record["messageId"] == message_id
    assert record["body"] == "text"
    assert record["receiptHandle"]
    assert record["md5OfBody"] == "1cb251ec0d568de6a929b520c4aed8d1"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == f"arn:aws:sqs:{REGION}:{source.account}:requests"
    assert record["awsRegion"] == REGION
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["attributes"].keys() >= {"SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"}
    reason = record["messageAttributes"]["reason"]
    assert (reason["dataType"], reason["stringValue"]) == ("String", "why")


@pytest.mark.parametrize(
    "body", ['{ "a":1.0,\n "b" : "ü" }', '"a JSON string"', "12", "null", "[]", "no JSON", '{"a":1,"a":2}']
)
def test_body_is_handed_on_as_it_stands(source, body):
    """Using Lambda with Amazon SQS: the record's body is the message's."""
    source.connect("await report({ body: event.Records[0].body })")

    source.send(body)

    assert source.wait_for_reports(1)[0]["body"] == body


def test_processed_messages_are_deleted(source):
    """Using Lambda with Amazon SQS: Lambda deletes the messages of a batch that was processed."""
    source.connect("await report({})")

    source.send("one")

    source.wait_for_reports(1)
    source.wait_until_empty()


def test_failed_messages_of_a_batch_alone_come_back(source):
    """Handling errors for an SQS event source: partial batch responses."""
    source.connect(
        """
        const bodies = event.Records.map((record) => record.body);
        await report({ bodies });
        const failed = event.Records.filter(({ body, attributes }) =>
          body === 'fails' && attributes.ApproximateReceiveCount === '1');
        for (const record of failed) await setVisibility(record, 1);
        return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
        """,
        BatchSize=3,
        MaximumBatchingWindowInSeconds=2,
    )

    source.send("works", "fails", "works too")

    def seen() -> list[str]:
        return sorted(body for report in source.reports for body in report["bodies"])

    wait_until("the failed message again", lambda: source.wait_for_reports(1) and seen().count("fails") == 2)
    source.wait_until_empty()
    assert seen() == ["fails", "fails", "works", "works too"]


def test_error_of_the_function_brings_the_whole_batch_back(source):
    """Handling errors for an SQS event source: the messages become visible after the visibility timeout."""
    source.connect(
        """
        await report({ received: Number(event.Records[0].attributes.ApproximateFirstReceiveTimestamp) });
        if (!(await isReleased())) throw new Error('not yet');
        """,
        visibility_seconds=3,
    )

    source.send("one")

    # The timeout runs from the receipt on: the function may start later by any time.
    first, second = source.wait_for_reports(2)[:2]
    assert second["at"] - first["received"] >= 2_900
    source.release()
    source.wait_until_empty()


def test_timeout_of_the_function_brings_the_batch_back(source):
    """Handling errors for an SQS event source; Configure Lambda function timeout."""
    source.connect(
        """
        await report({ receives: Number(event.Records[0].attributes.ApproximateReceiveCount) });
        if (!(await isReleased())) await sleep(60000);
        """,
        visibility_seconds=3,
    )

    source.send("one")

    first, second = source.wait_for_reports(2)[:2]
    assert first["receives"] < second["receives"]
    source.release()
    source.wait_until_empty()


def test_failed_message_comes_back_when_the_visibility_that_the_function_set_is_over(source):
    """SQS Developer Guide, Visibility timeout: ChangeMessageVisibility counts from the call on."""
    source.connect(
        """
        const [record] = event.Records;
        const receives = Number(record.attributes.ApproximateReceiveCount);
        await report({ receives });
        if (receives > 2) return { batchItemFailures: [] };
        await setVisibility(record, receives === 1 ? 4 : 1);
        return { batchItemFailures: [{ itemIdentifier: record.messageId }] };
        """,
    )

    source.send("one")

    first, second, third = source.wait_for_reports(3)
    assert [first["receives"], second["receives"], third["receives"]] == [1, 2, 3]
    # The queue's own timeout is two minutes.
    assert 3_900 <= second["at"] - first["at"] < 60_000
    assert 900 <= third["at"] - second["at"] < 60_000
    source.wait_until_empty()


def test_delayed_message_does_not_hold_up_the_others(source):
    """SQS Developer Guide, Visibility timeout: each message has its own."""
    source.connect(
        """
        const [record] = event.Records;
        await report({ body: record.body });
        if (record.body !== 'slow') return;
        await setVisibility(record, 600);
        return { batchItemFailures: [{ itemIdentifier: record.messageId }] };
        """,
        BatchSize=1,
    )

    source.send("slow")
    source.wait_for_reports(1)
    source.send("fast")

    assert [report["body"] for report in source.wait_for_reports(2)] == ["slow", "fast"]


def test_message_received_too_often_goes_to_the_dead_letter_queue(source):
    """SQS Developer Guide, Dead-letter queues: maxReceiveCount; body and attributes stay."""
    source.connect(
        """
        await report({});
        await setVisibility(event.Records[0], 1);
        return { batchItemFailures: [{ itemIdentifier: event.Records[0].messageId }] };
        """,
        max_receives=2,
    )

    attributes = {"reason": {"DataType": "String", "StringValue": "why"}}
    source.send("one", MessageAttributes=attributes)

    def dead_letters() -> list[dict]:
        return source.sqs.receive_message(
            QueueUrl=source.dead_letters_url, WaitTimeSeconds=1, MessageAttributeNames=["All"]
        ).get("Messages", [])

    [message] = wait_until("the dead letter", dead_letters)
    assert (message["Body"], message["MessageAttributes"]) == ("one", attributes)
    assert len(source.wait_for_reports(2)) == 2
    source.wait_until_empty()


def test_unknown_item_identifier_fails_the_whole_batch(source):
    """Handling errors for an SQS event source: success and failure conditions."""
    source.connect(
        """
        const [record] = event.Records;
        await report({});
        if (record.attributes.ApproximateReceiveCount !== '1') return;
        await setVisibility(record, 1);
        return { batchItemFailures: [{ itemIdentifier: 'unknown' }] };
        """,
    )

    source.send("one")

    source.wait_for_reports(2)
    source.wait_until_empty()


def test_without_report_batch_item_failures_a_response_is_a_success(source):
    """Handling errors for an SQS event source: ReportBatchItemFailures has to be switched on."""
    source.connect(
        "await report({}); return { batchItemFailures: [{ itemIdentifier: event.Records[0].messageId }] };",
        FunctionResponseTypes=[],
    )

    source.send("one")

    source.wait_for_reports(1)
    source.wait_until_empty()


@pytest.mark.parametrize(("scaling", "expected"), [({"ScalingConfig": {"MaximumConcurrency": 2}}, 2), ({}, 5)])
def test_batches_are_processed_at_the_same_time_up_to_the_maximum_concurrency(source, scaling, expected):
    """Configuring scaling behavior for SQS event source mappings: five at first, fewer where the mapping says so."""
    source.connect_held(**scaling)

    source.send(*[str(number) for number in range(2 * expected)])

    source.assert_runs_at_a_time(expected, total=2 * expected)
    source.wait_until_empty()


def test_idle_mapping_takes_a_message_at_once(source):
    """Using Lambda with Amazon SQS: Lambda polls the queue by long polling."""
    source.connect("await report({})")
    source.send("first")
    first = source.wait_for_reports(1)[0]["at"]
    wait_until("the mapping was idle for 8 s", lambda: time.time() * 1000 > first + 8_000)

    sent = time.time() * 1000
    source.send("second")

    assert source.wait_for_reports(2)[1]["at"] - sent < BACKED_OFF_MS


def test_filter_criteria_look_into_a_json_body_and_delete_the_rest(source):
    """Using event filtering with an Amazon SQS event source."""
    source.connect(
        "await report({ bodies: event.Records.map(({ body }) => body) })",
        FilterCriteria={"Filters": [{"Pattern": json.dumps({"body": {"kind": ["wanted"]}})}]},
    )

    source.send('{"kind":"other"}', "no JSON", '{ "kind": "wanted" }')

    source.wait_until_empty()
    bodies = [body for report in source.wait_for_reports(1) for body in report["bodies"]]
    assert bodies == ['{ "kind": "wanted" }']


def test_updated_mapping_stays_enabled(source):
    """AWS Lambda API Reference, UpdateEventSourceMapping: what the request leaves out stays as it is."""
    source.connect("await report({ bodies: event.Records.map(({ body }) => body) })")
    client, mapping = source.function.lambda_client, source.mapping_id
    states: list[str] = []

    def state() -> str:
        states.append(client.get_event_source_mapping(UUID=mapping)["State"])
        return states[-1]

    wait_until("the mapping is enabled", lambda: state() == "Enabled")
    client.update_event_source_mapping(UUID=mapping, BatchSize=1)
    wait_until("the mapping is enabled again", lambda: state() == "Enabled")
    states.clear()

    # Longer than a poll that was under way when the mapping was updated.
    ends = time.monotonic() + 4
    wait_until("such a poll is over", lambda: state() and time.monotonic() > ends)

    assert set(states) == {"Enabled"}
    source.send("one")
    assert [report["bodies"] for report in source.wait_for_reports(1)] == [["one"]]


def test_disabled_mapping_is_disabled(source):
    """AWS Lambda API Reference, UpdateEventSourceMapping: `Enabled`."""
    source.connect("await report({})")
    client, mapping = source.function.lambda_client, source.mapping_id

    def turn(enabled: bool, state: str) -> None:
        client.update_event_source_mapping(UUID=mapping, Enabled=enabled)
        wait_until(f"the mapping is {state}", lambda: client.get_event_source_mapping(UUID=mapping)["State"] == state)

    turn(False, "Disabled")
    turn(True, "Enabled")
    turn(False, "Disabled")
