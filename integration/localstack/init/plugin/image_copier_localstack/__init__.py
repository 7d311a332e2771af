"""Plugin for LocalStack: images and what uses them as AWS documents it, faults on request, Lambda without Docker."""

import gc

from . import faults
from .runtime import service_loading, shutdown
from .services import ec2
from .services.cloudwatch import alarms, dashboards
from .services.events import rules
from .services.iam import simulation
from .services.lambda_ import concurrency, node_executor, sqs_event_source
from .services.sns import subscriptions
from .services.sqs import fifo, metrics
from .services.ssm import image_parameters
from .speedups import iam_managed_policies, per_request, service_catalog


def install() -> None:
    """Patch the LocalStack process that imports this package; called by the start hook."""
    for module in (
        faults,
        ec2,
        rules,
        iam_managed_policies,
        simulation,
        concurrency,
        node_executor,
        per_request,
        service_catalog,
        service_loading,
        shutdown,
        subscriptions,
        sqs_event_source,
        fifo,
        metrics,
        image_parameters,
        alarms,
        dashboards,
    ):
        module.install()
    # Python looks for garbage in all that is loaded, again and again: a sixth of LocalStack's time. What is here stays.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
