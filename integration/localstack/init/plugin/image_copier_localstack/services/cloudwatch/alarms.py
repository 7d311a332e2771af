"""The tags of alarms: LocalStack's PutMetricAlarm drops them."""

from localstack.services.cloudwatch.provider_v2 import CloudwatchProvider
from localstack.utils.aws.arns import cloudwatch_alarm_arn
from localstack.utils.patch import patch


def install() -> None:
    """Patch the CloudWatch provider."""

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
