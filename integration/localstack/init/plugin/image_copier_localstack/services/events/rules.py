"""Rules of EventBridge, where LocalStack differs from the EventBridge API Reference and User Guide."""

from localstack.services.events.provider import EventsProvider
from localstack.services.events.rule import RuleService
from localstack.services.events.scheduler import JobScheduler
from localstack.utils.patch import patch

# By the ARN of a scheduled rule: its job.
jobs: dict[str, str] = {}


def cancel_schedule(rule_arn: str) -> None:
    """End the job of a rule, if it has one."""
    job_id = jobs.pop(rule_arn, None)
    if job_id is not None:
        JobScheduler.instance().cancel_job(job_id)


def install() -> None:
    """Patch rules and their targets."""

    @patch(RuleService.add_targets)
    def add_targets(original, self, targets):
        """A target that PutTargets reports as failed is not added, such as a FIFO queue without a message group."""
        failed = {entry["TargetId"] for entry in self.validate_targets_input(targets)}
        original(self, [target for target in targets if target["Id"] not in failed])
        return self.validate_targets_input(targets)

    @patch(RuleService.create_schedule_job)
    def create_schedule_job(original, self, send):
        """A rule has one schedule, however often its targets are put, and none while it is disabled."""

        def send_unless_disabled(*args, **kwargs):
            if self.rule.state != "DISABLED":
                send(*args, **kwargs)

        cancel_schedule(self.arn)
        original(self, send_unless_disabled)
        JobScheduler.instance().get_job(self.job_id).is_enabled = True
        jobs[self.arn] = self.job_id

    @patch(EventsProvider.put_rule)
    def put_rule(original, self, context, name, event_bus_name=None, **kwargs):
        """PutRule replaces the schedule and the state of a rule that exists."""
        answer = original(self, context, name, event_bus_name=event_bus_name, **kwargs)
        service = self.get_rule_service(context.region, context.account_id, name, event_bus_name)
        if service.rule.targets and service.schedule_cron:
            send = self._get_scheduled_rule_job_function(context.account_id, context.region, service.rule)
            service.create_schedule_job(send)
        else:
            cancel_schedule(service.arn)
        return answer
