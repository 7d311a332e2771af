"""Policies of queues and topics that tests make."""

import json


def service_sends(service: str, queue_arn: str) -> dict[str, str]:
    """The attributes of a queue that a service of AWS sends to."""
    return policy({"Service": f"{service}.amazonaws.com"}, "sqs:SendMessage", queue_arn)


def everybody(action: str, topic_arn: str) -> dict[str, str]:
    """The attributes of a topic that other accounts use."""
    return policy({"AWS": "*"}, action, topic_arn)


def policy(principal: dict, action: str, resource: str) -> dict[str, str]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
    return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": statement})}
