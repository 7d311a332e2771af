"""Plugin for LocalStack: AWS's behaviour where LocalStack differs, faults on request, Lambda without Docker.

`services/` holds what AWS does, in a folder for each service; `faults.py` what tests switch on; `runtime/` fixes of
LocalStack's own process; and `speedups/` what changes no answer.
"""

import importlib

# Every module that patches LocalStack, in the order of installing them.
MODULES = (
    # Before the others, which import what these three prepare: a fix of Python, a speed-up, and newer operations.
    "runtime.python_312",
    "speedups.service_descriptions",
    "services.ec2.newer_operations",
    "faults",
    "runtime.service_loading",
    "runtime.shutdown",
    "services.autoscaling.provider",
    "services.cloudwatch.alarms",
    "services.cloudwatch.dashboards",
    "services.ec2.amazon_images",
    "services.ec2.backend",
    "services.ec2.fleets",
    "services.ec2.launch_templates",
    "services.ec2.operations",
    "services.ec2.settling",
    "services.events.rules",
    "services.iam.enforcement",
    "services.iam.organization",
    "services.iam.simulation",
    "services.lambda_.concurrency",
    "services.lambda_.execution_role",
    "services.lambda_.log_streams",
    "services.lambda_.node_executor",
    "services.lambda_.sqs_event_source",
    "services.organizations.provider",
    "services.sns.subscriptions",
    "services.sqs.fifo",
    "services.sqs.metrics",
    "services.ssm.image_parameters",
    "speedups.iam_managed_policies",
    "speedups.per_request",
    "speedups.service_catalog",
    # After the others: it is about all that is loaded.
    "speedups.garbage_collection",
)


def install() -> None:
    """Patch the LocalStack process that imports this package; called by the start hook."""
    for name in MODULES:
        importlib.import_module(f"{__name__}.{name}").install()
