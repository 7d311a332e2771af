"""A function that a queue invokes, for the tests of event source mappings."""

import json
import time

from conditions import wait_until

REGION = "eu-west-1"
# In which an invocation too many would begin: the poller looks five times a second, and Node starts in less than one.
ONE_MORE_SECONDS = 1.5
# Half of the time that LocalStack's own poller waits between two looks at an idle queue.
BACKED_OFF_MS = 5_000


class Source:
    """A queue with a dead-letter queue, a function, the mapping between them, and what the function reported."""

    def __init__(self, localstack, create_function, account: str) -> None:
        self.account = account
        self.sqs = localstack.client("sqs", account)
        self.create_function = create_function
        self.reports_url = self.sqs.create_queue(QueueName="reports")["QueueUrl"]
        self.dead_letters_url = self.sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
        # What an invocation received stays its own.
        taken = {"VisibilityTimeout": "600"}
        self.releases_url = self.sqs.create_queue(QueueName="releases", Attributes=taken)["QueueUrl"]
        self.mapping_id = ""
        self.reports: list[dict] = []

    def connect(
        self, body: str, visibility_seconds: int = 120, max_receives: int = 100, fifo: bool = False, **mapping
    ) -> None:
        """Create queue, function and mapping.

        `body` handles `event`, with report({..}), sqs(target, {..}), setVisibility(record, seconds), released(), which
        ends when the test lets it, and isReleased(). `visibility_seconds` is the function's timeout as well: where an
        invocation may run into it on a slow machine, the test has to hold with one more.
        """
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
        const { AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_REGION } = process.env;
        const { QUEUE_URL, REPORTS_URL, RELEASES_URL } = process.env;
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
          const answer = await response.text();
          if (!response.ok) throw new Error(answer);
          return answer && JSON.parse(answer);
        };
        const report = (value) => sqs('SendMessage', {
          QueueUrl: REPORTS_URL, MessageBody: JSON.stringify({ at: Date.now(), ...value }) });
        const setVisibility = ({ receiptHandle }, seconds) => sqs('ChangeMessageVisibility', {
          QueueUrl: QUEUE_URL, ReceiptHandle: receiptHandle, VisibilityTimeout: seconds });
        const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
        const released = async () => {
          const wait = { QueueUrl: RELEASES_URL, WaitTimeSeconds: 20 };
          while (!(await sqs('ReceiveMessage', wait)).Messages?.length);
        };
        const isReleased = async () => {
          const look = { QueueUrl: RELEASES_URL, VisibilityTimeout: 0 };
          return Boolean((await sqs('ReceiveMessage', look)).Messages?.length);
        };
        """
        self.function = self.create_function(
            self.account,
            code + f"export const handler = async (event) => {{ {body} }};",
            Environment={
                "Variables": {
                    "QUEUE_URL": self.queue_url,
                    "REPORTS_URL": self.reports_url,
                    "RELEASES_URL": self.releases_url,
                }
            },
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

    def collect(self) -> int:
        """Take the reports that are there or come within a second, and count all that were taken."""
        received = self.sqs.receive_message(QueueUrl=self.reports_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in received.get("Messages", []):
            self.sqs.delete_message(QueueUrl=self.reports_url, ReceiptHandle=message["ReceiptHandle"])
            self.reports.append(json.loads(message["Body"]))
        return len(self.reports)

    def wait_for_reports(self, count: int) -> list[dict]:
        """The function's first `count` reports."""
        wait_until(f"{count} reports of the function", lambda: self.collect() >= count)
        return sorted(self.reports, key=lambda report: report["at"])

    def connect_held(self, **options) -> None:
        """Connect a function whose invocations report that they began, end when the test lets them, and report that."""
        self.connect(
            """
            const start = Date.now();
            await report({ start });
            await released();
            await report({ start, end: Date.now() });
            """,
            BatchSize=1,
            **options,
        )

    def assert_runs_at_a_time(self, expected: int, total: int) -> None:
        """Check that `expected` of `total` invocations run at a time: so many begin before one ends, and no more do."""
        deadline = time.monotonic() + 120
        while self.collect() < expected and time.monotonic() < deadline:
            pass
        end = time.monotonic() + ONE_MORE_SECONDS
        while time.monotonic() < end:
            self.collect()
        assert len(self.reports) == expected, f"{len(self.reports)} invocations ran at a time, not {expected}"
        self.release(total)
        reports = self.wait_for_reports(2 * total)
        assert most_at_a_time([report for report in reports if "end" in report]) == expected

    def release(self, invocations: int = 1) -> None:
        """Let so many invocations end that wait for it."""
        for _ in range(invocations):
            self.sqs.send_message(QueueUrl=self.releases_url, MessageBody="go on")

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


def bodies_of(reports: list[dict]) -> list[str]:
    """The bodies that the function reported, in the order of its invocations."""
    return [body for report in sorted(reports, key=lambda report: report["at"]) for body in report["bodies"]]


def most_at_a_time(reports: list[dict]) -> int:
    """The largest number of reports whose time from `start` to `end` overlaps."""
    return max(sum(other["start"] <= report["start"] < other["end"] for other in reports) for report in reports)
