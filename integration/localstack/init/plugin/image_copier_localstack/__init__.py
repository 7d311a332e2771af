"""Plugin for LocalStack: images and what uses them as AWS documents it, faults on request, Lambda without Docker."""

import gc

from . import (
    ec2,
    event_rules,
    faults,
    iam_managed_policies,
    iam_simulation,
    lambda_concurrency,
    lambda_node,
    per_request,
    service_catalog,
    service_loading,
    shutdown,
    sns_subscriptions,
    sqs_event_source,
    sqs_fifo,
    sqs_metrics,
    ssm_image_parameters,
    terraform_mends,
)


def install() -> None:
    """Patch the LocalStack process that imports this package; called by the start hook."""
    for module in (
        faults,
        ec2,
        event_rules,
        iam_managed_policies,
        iam_simulation,
        lambda_concurrency,
        lambda_node,
        per_request,
        service_catalog,
        service_loading,
        shutdown,
        sns_subscriptions,
        sqs_event_source,
        sqs_fifo,
        sqs_metrics,
        ssm_image_parameters,
        terraform_mends,
    ):
        module.install()
    # Python looks for garbage in all that is loaded, again and again: a sixth of LocalStack's time. What is here stays.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
