"""A reserved concurrency of 0, by which a function is stopped: LocalStack's GetFunction leaves it out."""

from localstack.services.lambda_.provider import LambdaProvider
from localstack.utils.patch import patch


def install() -> None:
    """Patch the Lambda provider."""

    @patch(LambdaProvider.get_function)
    def get_function(original, self, context, function_name, *args, **kwargs):
        """AWS Lambda API Reference, GetFunction: `Concurrency` is the function's reserved concurrency."""
        answer = original(self, context, function_name, *args, **kwargs)
        reserved = self.get_function_concurrency(context, function_name)
        return {**answer, "Concurrency": reserved} if reserved.get("ReservedConcurrentExecutions") == 0 else answer
