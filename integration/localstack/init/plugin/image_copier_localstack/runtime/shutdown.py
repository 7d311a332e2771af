"""LocalStack ends when it is told to, also with functions that run and services that have just been loaded."""

import threading

from localstack.runtime.shutdown import SHUTDOWN_HANDLERS
from localstack.services.cloudwatch.alarm_scheduler import AlarmScheduler
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.utils.patch import patch


def install() -> None:
    """Leave no thread behind that LocalStack's process would wait for."""

    @patch(LambdaService.stop)
    def stop(original, self):
        # LocalStack gives up on its functions after 5 seconds, and each one left has a timer of 10 minutes.
        for environments in list(self.assignment_service.environments.values()):
            for environment in list(environments.values()):
                self.assignment_service.stop_environment(environment)
        original(self)

    @patch(AlarmScheduler.start)
    def start(_original, self):
        # An invocation's metrics may load CloudWatch while LocalStack ends, and then nobody stops this thread.
        if self.thread is None or not self.thread.is_alive():
            self.thread = threading.Thread(target=self.scheduler.run, name="cloudwatch-scheduler", daemon=True)
            self.thread.start()
            SHUTDOWN_HANDLERS.register(self.shutdown)
