"""What Terraform's AWS provider meets on LocalStack and not on AWS."""

import copy
import json

from localstack.aws.api import RequestContext
from localstack.aws.api.cloudwatch import DashboardInvalidInputError, DashboardNotFoundError
from localstack.services.cloudwatch.provider_v2 import CloudwatchProvider
from localstack.services.sns.provider import SnsProvider
from localstack.utils.aws.arns import InvalidArnException, cloudwatch_alarm_arn, parse_arn
from localstack.utils.patch import patch


def for_the_owner(context: RequestContext, subscription_arn: str) -> RequestContext:
    """The context in which LocalStack finds a subscription that the caller owns: that of the topic's account.

    A subscription's ARN is one of the topic's account, its owner the account that subscribed (Amazon SNS API Reference,
    GetSubscriptionAttributes, `Owner`). LocalStack looks into the caller's account alone.
    """
    try:
        account = parse_arn(subscription_arn)["account"]
    except InvalidArnException:
        return context
    subscription = SnsProvider.get_store(account, context.region).subscriptions.get(subscription_arn, {})
    if subscription.get("Owner") != context.account_id:
        return context
    context = copy.copy(context)
    context.account_id = account
    return context


def of_all_regions(context: RequestContext) -> RequestContext:
    """The context in which an account's dashboards are kept: they are global, those of LocalStack are not."""
    context = copy.copy(context)
    context.region = "us-east-1"
    return context


def require_dashboards(provider: CloudwatchProvider, context: RequestContext, names: list[str]) -> None:
    """Refuse what names a dashboard that does not exist."""
    known = provider.get_store(context.account_id, context.region).dashboards
    for name in names:
        if name not in known:
            raise DashboardNotFoundError(f"Dashboard {name} does not exist")


def install() -> None:
    """Patch the SNS and CloudWatch providers."""

    @patch(SnsProvider.get_subscription_attributes)
    def get_subscription_attributes(original, self, context, subscription_arn, **kwargs):
        """A subscription's owner reads its attributes, also where the topic is another account's.

        An empty filter policy is none (Amazon SNS Developer Guide, "Removing a subscription filter policy").
        """
        answer = original(self, for_the_owner(context, subscription_arn), subscription_arn, **kwargs)
        if answer["Attributes"].get("FilterPolicy") != "{}":
            return answer
        no_filter = ("FilterPolicy", "FilterPolicyScope")
        return {"Attributes": {name: value for name, value in answer["Attributes"].items() if name not in no_filter}}

    @patch(SnsProvider.set_subscription_attributes)
    def set_subscription_attributes(original, self, context, subscription_arn, *args, **kwargs):
        """A subscription's owner changes its attributes, also where the topic is another account's."""
        return original(self, for_the_owner(context, subscription_arn), subscription_arn, *args, **kwargs)

    @patch(CloudwatchProvider.put_metric_alarm)
    def put_metric_alarm(original, self, context, request):
        """PutMetricAlarm sets the tags of a new alarm, and leaves those of an existing one (its API Reference)."""
        store = self.get_store(context.account_id, context.region)
        arn = cloudwatch_alarm_arn(request["AlarmName"], context.account_id, context.region)
        is_new = arn not in store.alarms
        original(self, context, request)
        if is_new:
            store.TAGS.tags.pop(arn, None)  # those of an alarm of this name that was deleted
            store.TAGS.tag_resource(arn, request.get("Tags"))

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
        """One that does not exist is refused with DashboardNotFoundError (its API Reference)."""
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
