"""All services whose operations are mapped."""

from collections.abc import Iterable

from . import (
    autoscaling,
    cloudformation,
    cloudwatch,
    ec2,
    events,
    iam,
    kms,
    lambda_,
    logs,
    organizations,
    s3,
    sns,
    sqs,
    ssm,
    sts,
)
from .request import Check, NotMapped, Operations, Request

SERVICES: dict[str, Operations] = {
    "autoscaling": autoscaling.OPERATIONS,
    "cloudformation": cloudformation.OPERATIONS,
    "cloudwatch": cloudwatch.OPERATIONS,
    "ec2": ec2.OPERATIONS,
    "events": events.OPERATIONS,
    "iam": iam.OPERATIONS,
    "kms": kms.OPERATIONS,
    "lambda": lambda_.OPERATIONS,
    "logs": logs.OPERATIONS,
    "organizations": organizations.OPERATIONS,
    "s3": s3.OPERATIONS,
    "sns": sns.OPERATIONS,
    "sqs": sqs.OPERATIONS,
    "ssm": ssm.OPERATIONS,
    "sts": sts.OPERATIONS,
}


def checks_of(request: Request) -> Iterable[Check]:
    """What policies are asked before the request is served."""
    checks = SERVICES.get(request.service, {}).get(request.operation)
    if checks is None:
        raise NotMapped(f"{request.service}:{request.operation}")
    return checks(request)
