"""Dashboards, which LocalStack keeps by Region; it checks neither a body nor whether a dashboard exists."""

import copy
import json

from localstack.aws.api import RequestContext
from localstack.aws.api.cloudwatch import DashboardInvalidInputError, DashboardNotFoundError
from localstack.services.cloudwatch.provider_v2 import CloudwatchProvider
from localstack.utils.patch import patch


def of_all_regions(context: RequestContext) -> RequestContext:
    """The context in which an account's dashboards are kept: they are global, those of LocalStack are not."""
    context = copy.copy(context)
    context.region = "us-east-1"
    return context


def require_dashboards(provider: CloudwatchProvider, context: RequestContext, names: list[str]) -> None:
    """Reject what names a dashboard that does not exist."""
    known = provider.get_store(context.account_id, context.region).dashboards
    for name in names:
        if name not in known:
            raise DashboardNotFoundError(f"Dashboard {name} does not exist")


def install() -> None:
    """Patch the CloudWatch provider."""

    @patch(CloudwatchProvider.put_dashboard)
    def put_dashboard(original, self, context, dashboard_name, dashboard_body, **kwargs):
        """The body is a JSON object, and the dashboard one of all Regions (its API Reference)."""
        try:
            is_object = isinstance(json.loads(dashboard_body), dict)
        except ValueError:
            is_object = False
        if not is_object:
            message = "The field DashboardBody must be a valid JSON object"
            raise DashboardInvalidInputError(message, dashboardValidationMessages=[{"Message": message}])
        return original(self, of_all_regions(context), dashboard_name, dashboard_body, **kwargs)

    @patch(CloudwatchProvider.get_dashboard)
    def get_dashboard(original, self, context, dashboard_name, **kwargs):
        """One that does not exist is rejected with DashboardNotFoundError (its API Reference)."""
        context = of_all_regions(context)
        require_dashboards(self, context, [dashboard_name])
        return original(self, context, dashboard_name, **kwargs)

    @patch(CloudwatchProvider.delete_dashboards)
    def delete_dashboards(original, self, context, dashboard_names, **kwargs):
        """All of them or none (its API Reference)."""
        context = of_all_regions(context)
        require_dashboards(self, context, dashboard_names)
        return original(self, context, dashboard_names, **kwargs)

    @patch(CloudwatchProvider.list_dashboards)
    def list_dashboards(original, self, context, *args, **kwargs):
        """Those of all Regions."""
        return original(self, of_all_regions(context), *args, **kwargs)
