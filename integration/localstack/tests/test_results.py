"""What a function announces: events on its account's bus, and messages to a topic of another account.

Where LocalStack already does as AWS documents, these tests say what the product builds on.
"""

import json

import pytest
from conditions import wait_until
from ec2_images import error_code
from event_queue import REGION, EventQueue
from resource_policies import everybody, service_sends

ANNOUNCE = """
const { AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_REGION, TOPIC_ARN } = process.env;
const call = async (service, headers, body) => {
  const scope = `${AWS_ACCESS_KEY_ID}/20260101/${AWS_REGION}/${service}/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`;
  const response = await fetch(AWS_ENDPOINT_URL, { method: 'POST', headers: { authorization, ...headers }, body });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
};
export const handler = async (detail) => {
  const Entries = [{ Source: 'image-copier', DetailType: 'Image Copied', Detail: JSON.stringify(detail) }];
  const put = await call('events',
    { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'AWSEvents.PutEvents' },
    JSON.stringify({ Entries }));
  await call('sns', { 'content-type': 'application/x-www-form-urlencoded' },
    new URLSearchParams({ Action: 'Publish', Version: '2010-03-31', TopicArn: TOPIC_ARN,
      Message: JSON.stringify(detail) }).toString());
  return JSON.parse(put);
};
"""


class ResultsTopic:
    """A topic of an account, and a queue there that is subscribed to it."""

    def __init__(self, localstack, account: str) -> None:
        self.account = account
        self.sqs = localstack.client("sqs", account)
        sns = localstack.client("sns", account)
        attributes = everybody("sns:Publish", f"arn:aws:sns:{REGION}:{account}:results")
        self.arn = sns.create_topic(Name="results", Attributes=attributes)["TopicArn"]
        queue_arn = f"arn:aws:sqs:{REGION}:{account}:results"
        attributes = service_sends("sns", queue_arn)
        self.queue_url = self.sqs.create_queue(QueueName="results", Attributes=attributes)["QueueUrl"]
        sns.subscribe(
            TopicArn=self.arn,
            Protocol="sqs",
            Endpoint=queue_arn,
            Attributes={"RawMessageDelivery": "true"},
        )

    def message(self) -> dict:
        """The next message that the queue received."""

        def receive() -> list[dict]:
            answer = self.sqs.receive_message(QueueUrl=self.queue_url, WaitTimeSeconds=1, MessageAttributeNames=["All"])
            return answer.get("Messages", [])

        [message] = wait_until("a message to the topic", receive)
        self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return message


@pytest.fixture
def topic(localstack, new_account):
    return ResultsTopic(localstack, new_account())


def test_function_announces_a_result(localstack, new_account, create_function, topic):
    """Lambda Developer Guide, "Defining Lambda function permissions with an execution role": as its own account."""
    account = new_account()
    queue = EventQueue(localstack, account, EventPattern=json.dumps({"source": ["image-copier"]}))
    function = create_function(account, ANNOUNCE, Environment={"Variables": {"TOPIC_ARN": topic.arn}})
    detail = {"imageId": "ami-12345678", "reason": None, "snapshotIds": ["snap-12345678"], "name": "Ünïcode"}

    answer = function.invoke(detail)

    assert answer.payload["FailedEntryCount"] == 0
    event = queue.message("the event", lambda event: True)["Event"]
    assert event["id"] == answer.payload["Entries"][0]["EventId"]
    assert (event["account"], event["region"], event["detail"]) == (account, REGION, detail)
    assert json.loads(topic.message()["Body"]) == detail


def test_publishing_to_a_topic_of_another_account(localstack, new_account, topic):
    """SNS Developer Guide, "Using identity-based policies with Amazon SNS": by ARN, delivered as by the owner."""
    sns = localstack.client("sns", new_account())
    attributes = {"account": {"DataType": "String", "StringValue": "111111111111"}}

    sns.publish(TopicArn=topic.arn, Message='{ "a": 1.0 }', MessageAttributes=attributes)

    message = topic.message()
    assert (message["Body"], message["MessageAttributes"]) == ('{ "a": 1.0 }', attributes)


def test_publishing_to_a_topic_that_does_not_exist(localstack, new_account, topic):
    """SNS API Reference, Publish: NotFound; whether another account's is there, strangers are not told."""
    owner, stranger = (localstack.client("sns", account) for account in (topic.account, new_account()))

    request = {"TopicArn": f"{topic.arn}-gone", "Message": "text"}
    assert error_code(owner.publish, **request) == "NotFound"
    assert error_code(stranger.publish, **request) == "AuthorizationError"


def test_event_of_another_source_is_not_delivered(localstack, new_account):
    """EventBridge User Guide, "Event patterns": the source has to match."""
    queue = EventQueue(localstack, new_account(), EventPattern=json.dumps({"source": ["image-copier"]}))
    entries = [{"Source": s, "DetailType": "Image Copied", "Detail": "{}"} for s in ("image-copier2", "image-copier")]

    queue.events.put_events(Entries=entries)

    queue.message("the event", lambda event: event["source"] == "image-copier")
    assert len(queue.received) == 1
