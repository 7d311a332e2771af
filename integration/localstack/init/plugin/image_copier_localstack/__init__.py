"""Plugin for LocalStack: EC2 images as AWS documents them, faults on request, Lambda on Node without Docker."""

from . import ec2, faults, lambda_node, shutdown, sqs_event_source, terraform_mends


def install() -> None:
    """Patch the LocalStack process that imports this package; called by the start hook."""
    for module in (faults, ec2, lambda_node, shutdown, sqs_event_source, terraform_mends):
        module.install()
