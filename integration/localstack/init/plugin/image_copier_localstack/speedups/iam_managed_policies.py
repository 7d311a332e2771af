"""AWS's managed policies, which moto makes for every account that calls any service.

There are 1,400 of them, and to make them takes longer than most calls: here an account gets them with its first call
that is about a policy.
"""

import threading
from typing import Any

from localstack.utils.patch import patch
from moto.iam.models import IAMBackend

# Two first calls at a time must not make them twice: one would lose what the other adds.
LOCK = threading.RLock()


class MadeOnDemand:
    """An attribute that a method makes when it is read for the first time."""

    def __init__(self, name: str, method: str):
        self.name = name
        self.method = method

    def __get__(self, backend: IAMBackend, _owner: type) -> Any:
        with LOCK:
            if self.name not in backend.__dict__:
                backend.__dict__[self.name] = getattr(backend, self.method)()
        return backend.__dict__[self.name]


def install() -> None:
    """Patch moto's model of IAM."""
    IAMBackend.aws_managed_policies = MadeOnDemand("aws_managed_policies", "_init_aws_policies")
    IAMBackend.managed_policies = MadeOnDemand("managed_policies", "_init_managed_policies")

    @patch(IAMBackend.__init__)
    def init(original, self, *args, **options):
        self._init_aws_policies = list
        original(self, *args, **options)
        # These would hide what the class has under their names.
        del self._init_aws_policies, self.aws_managed_policies, self.managed_policies
