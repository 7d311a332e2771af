"""Event source mappings from SQS to Lambda. Each test names the page of the guide that it follows."""

import json
import time
from collections.abc import Iterator

import pytest
from conditions import wait_until

REGION = "eu-west-1"


class Source:
    """A queue with a dead-letter queue, a function, the mapping between them, and what the function reported."""

    def __init__(self, localstack, create_function, account: str) -> None:
        self.account = account
        self.sqs = localstack.client("sqs", account)
        self.create_function = create_function
        self.reports_url = self.sqs.create_queue(QueueName="reports")["QueueUrl"]
        self.dead_letters_url = self.sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
        self.mapping_id = ""
        self.reports: list[dict] = []

    def connect(
        self, body: str, visibility_seconds: int = 2, max_receives: int = 100, fifo: bool = False, **mapping
    ) -> None:
        """Create queue, function and mapping. `body` handles `event`, with report({..}) and sqs(target, {..})."""
        redrive = {
            "deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{self.account}:dead-letters",
            "maxReceiveCount": max_receives,
        }
        fifo_attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        name = "requests.fifo" if fifo else "requests"
        self.queue_url = self.sqs.create_queue(
            QueueName=name,
            Attributes={"VisibilityTimeout": str(visibility_seconds)}
            | (fifo_attributes if fifo else {"RedrivePolicy": json.dumps(redrive)}),
        )["QueueUrl"]
        code = """
        const { AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_REGION, QUEUE_URL, REPORTS_URL } = process.env;
        const sqs = async (target, parameters) => {
          const scope = `${AWS_ACCESS_KEY_ID}/20260101/${AWS_REGION}/sqs/aws4_request`;
          const response = await fetch(AWS_ENDPOINT_URL, {
            method: 'POST',
            headers: {
              authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`,
              'content-type': 'application/x-amz-json-1.0',
              'x-amz-target': `AmazonSQS.${target}`,
            },
            body: JSON.stringify(parameters),
          });
          if (!response.ok) throw new Error(await response.text());
        };
        const report = (value) => sqs('SendMessage', {
          QueueUrl: REPORTS_URL, MessageBody: JSON.stringify({ at: Date.now(), ...value }) });
        const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
        """
        self.function = self.create_function(
            self.account,
            code + f"export const handler = async (event) => {{ {body} }};",
            Environment={"Variables": {"QUEUE_URL": self.queue_url, "REPORTS_URL": self.reports_url}},
            Timeout=visibility_seconds,
        )
        self.mapping_id = self.function.lambda_client.create_event_source_mapping(
            FunctionName="probe",
            EventSourceArn=f"arn:aws:sqs:{REGION}:{self.account}:{name}",
            **{"FunctionResponseTypes": ["ReportBatchItemFailures"], **mapping},
        )["UUID"]

    def send(self, *bodies: str, **options) -> list[str]:
        return [
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body, **options)["MessageId"] for body in bodies
        ]

    def wait_for_reports(self, count: int) -> list[dict]:
        """The function's first `count` reports."""

        def collect() -> bool:
            received = self.sqs.receive_message(QueueUrl=self.reports_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in received.get("Messages", []):
                self.sqs.delete_message(QueueUrl=self.reports_url, ReceiptHandle=message["ReceiptHandle"])
                self.reports.append(json.loads(message["Body"]))
            return len(self.reports) >= count

        wait_until(f"{count} reports of the function", collect, timeout_seconds=60)
        return sorted(self.reports, key=lambda report: report["at"])

    def wait_until_empty(self) -> None:
        """Wait until the queue holds no message, visible or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

        def is_empty() -> bool:
            attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)["Attributes"]
            return {attributes[name] for name in names} == {"0"}

        wait_until("the queue is empty", is_empty)

    def close(self) -> None:
        if self.mapping_id:
            self.function.lambda_client.delete_event_source_mapping(UUID=self.mapping_id)


@pytest.fixture
def source(localstack, create_function, new_account) -> Iterator[Source]:
    source = Source(localstack, create_function, new_account())
    yield source
    source.close()


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
        const { body, attributes } = event.Records[0];
        await report({ body });
        if (attributes.ApproximateReceiveCount === '1') throw new Error('first time');
        """,
        visibility_seconds=3,
    )

    source.send("one")

    first, second = source.wait_for_reports(2)
    assert second["at"] - first["at"] >= 2_500
    source.wait_until_empty()


def test_timeout_of_the_function_brings_the_batch_back(source):
    """Handling errors for an SQS event source; Configure Lambda function timeout."""
    source.connect(
        """
        await report({ receives: event.Records[0].attributes.ApproximateReceiveCount });
        if (event.Records[0].attributes.ApproximateReceiveCount === '1') await sleep(60000);
        """,
        visibility_seconds=2,
    )

    source.send("one")

    assert [report["receives"] for report in source.wait_for_reports(2)] == ["1", "2"]
    source.wait_until_empty()


def test_failed_message_comes_back_when_the_visibility_that_the_function_set_is_over(source):
    """SQS Developer Guide, Visibility timeout: ChangeMessageVisibility counts from the call on."""
    source.connect(
        """
        const { receiptHandle, messageId, attributes } = event.Records[0];
        const receives = Number(attributes.ApproximateReceiveCount);
        await report({ receives });
        if (receives > 2) return { batchItemFailures: [] };
        await sqs('ChangeMessageVisibility', {
          QueueUrl: QUEUE_URL, ReceiptHandle: receiptHandle, VisibilityTimeout: receives === 1 ? 4 : 1 });
        return { batchItemFailures: [{ itemIdentifier: messageId }] };
        """,
        visibility_seconds=30,
    )

    source.send("one")

    first, second, third = source.wait_for_reports(3)
    assert [first["receives"], second["receives"], third["receives"]] == [1, 2, 3]
    assert 3_900 <= second["at"] - first["at"] < 15_000
    assert 900 <= third["at"] - second["at"] < 15_000
    source.wait_until_empty()


def test_delayed_message_does_not_hold_up_the_others(source):
    """SQS Developer Guide, Visibility timeout: each message has its own."""
    source.connect(
        """
        for (const { body, receiptHandle, messageId } of event.Records) {
          await report({ body });
          if (body === 'slow') {
            await sqs('ChangeMessageVisibility', {
              QueueUrl: QUEUE_URL, ReceiptHandle: receiptHandle, VisibilityTimeout: 600 });
            return { batchItemFailures: [{ itemIdentifier: messageId }] };
          }
        }
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
        return { batchItemFailures: event.Records.map(({ messageId }) => ({ itemIdentifier: messageId })) };
        """,
        visibility_seconds=1,
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
        await report({});
        if (event.Records[0].attributes.ApproximateReceiveCount === '1')
          return { batchItemFailures: [{ itemIdentifier: 'unknown' }] };
        """,
        visibility_seconds=1,
    )

    source.send("one")

    source.wait_for_reports(2)
    source.wait_until_empty()


def test_without_report_batch_item_failures_a_response_is_a_success(source):
    """Handling errors for an SQS event source: ReportBatchItemFailures has to be switched on."""
    source.connect(
        "await report({}); return { batchItemFailures: [{ itemIdentifier: event.Records[0].messageId }] };",
        visibility_seconds=1,
        FunctionResponseTypes=[],
    )

    source.send("one")

    source.wait_for_reports(1)
    source.wait_until_empty()


@pytest.mark.parametrize(("scaling", "expected"), [({"ScalingConfig": {"MaximumConcurrency": 2}}, 2), ({}, 5)])
def test_batches_are_processed_at_the_same_time_up_to_the_maximum_concurrency(source, scaling, expected):
    """Configuring scaling behavior for SQS event source mappings: five at first, fewer where the mapping says so."""
    source.connect(
        "const start = Date.now(); await sleep(1500); await report({ start, end: Date.now() });",
        visibility_seconds=20,
        BatchSize=1,
        **scaling,
    )

    source.send(*[str(number) for number in range(2 * expected)])

    reports = source.wait_for_reports(2 * expected)
    assert most_at_a_time(reports) == expected
    source.wait_until_empty()


def test_idle_mapping_takes_a_message_at_once(source):
    """Using Lambda with Amazon SQS: Lambda polls the queue by long polling."""
    source.connect("await report({})")
    source.send("first")
    first = source.wait_for_reports(1)[0]["at"]
    # An idle time in which LocalStack's own poller has backed off to 10 seconds.
    wait_until("the mapping was idle for 8 s", lambda: time.time() * 1000 > first + 8_000)

    sent = time.time() * 1000
    source.send("second")

    assert source.wait_for_reports(2)[1]["at"] - sent < 1_500


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


def test_fifo_messages_are_processed_in_the_order_of_their_group(source):
    """Configuring scaling behavior for SQS event source mappings: FIFO queues; one batch of a group at a time."""
    source.connect(
        """
        const start = Date.now();
        await sleep(event.Records[0].body === '0' ? 1500 : 0);
        await report({ start, end: Date.now(), bodies: event.Records.map(({ body }) => body) });
        """,
        visibility_seconds=20,
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
    source.connect(
        "const start = Date.now(); await sleep(3000); await report({ start, end: Date.now() });",
        visibility_seconds=20,
        fifo=True,
        BatchSize=1,
    )

    for group in range(7):
        source.send(f"first {group}", f"second {group}", MessageGroupId=str(group))

    assert most_at_a_time(source.wait_for_reports(14)) == 7


def test_fifo_groups_are_processed_up_to_the_maximum_concurrency(source):
    """Configuring scaling behavior for SQS event source mappings: the lower of message groups and maximum."""
    source.connect(
        "const start = Date.now(); await sleep(1500); await report({ start, end: Date.now() });",
        visibility_seconds=20,
        fifo=True,
        BatchSize=1,
        ScalingConfig={"MaximumConcurrency": 2},
    )

    for group in range(4):
        source.send(f"first {group}", MessageGroupId=str(group))

    assert most_at_a_time(source.wait_for_reports(4)) == 2


def test_failed_fifo_message_holds_its_group_back_and_no_other(source):
    """SQS Developer Guide, FIFO queue delivery logic; Lambda retries before it takes more of the group."""
    source.connect(
        """
        const { body, attributes } = event.Records[0];
        await report({ body });
        if (body === 'fails' && attributes.ApproximateReceiveCount === '1') throw new Error('first time');
        """,
        visibility_seconds=4,
        fifo=True,
        BatchSize=1,
    )
    source.send("fails", "after it", MessageGroupId="one")
    [failed] = source.wait_for_reports(1)
    source.send("other", "other 2", MessageGroupId="two")

    reports = source.wait_for_reports(5)

    assert [report["body"] for report in reports] == ["fails", "other", "other 2", "fails", "after it"]
    assert reports[3]["at"] - failed["at"] >= 3_500
    source.wait_until_empty()


def test_failed_fifo_messages_of_a_batch_come_back_before_the_next(source):
    """Handling errors for an SQS event source: partial batch responses with a FIFO queue."""
    source.connect(
        """
        const { Records } = event;
        await report({ bodies: Records.map(({ body }) => body) });
        const failed = Records.filter(({ body, attributes }) =>
          body !== '0' && attributes.ApproximateReceiveCount === '1');
        return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
        """,
        visibility_seconds=3,
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

    assert source.wait_for_reports(2)[1]["at"] - sent < 1_500


def bodies_of(reports: list[dict]) -> list[str]:
    """The bodies that the function reported, in the order of its invocations."""
    return [body for report in sorted(reports, key=lambda report: report["at"]) for body in report["bodies"]]


def most_at_a_time(reports: list[dict]) -> int:
    """The largest number of reports whose time from `start` to `end` overlaps."""
    return max(sum(other["start"] <= report["start"] < other["end"] for other in reports) for report in reports)
