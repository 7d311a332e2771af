"""Plugin for LocalStack: images and what uses them as AWS documents it, faults on request, Lambda without Docker."""

from . import (
    ec2,
    event_rules,
    faults,
    lambda_node,
    shutdown,
    sqs_event_source,
    sqs_fifo,
    ssm_image_parameters,
    terraform_mends,
)


def install() -> None:
    """Patch the LocalStack process that imports this package; called by the start hook."""
    for module in (
        faults,
        ec2,
        event_rules,
        lambda_node,
        shutdown,
        sqs_event_source,
        sqs_fifo,
        ssm_image_parameters,
        terraform_mends,
    ):
        module.install()
