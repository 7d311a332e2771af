"""Auto Scaling, which LocalStack's free edition does not serve: moto has it, with LocalStack's EC2 behind it."""

import logging

from localstack.utils.patch import patch
from moto.ec2.exceptions import EC2ClientError

from .. import by_moto

LOG = logging.getLogger(__name__)


def prepare() -> None:
    from moto.autoscaling.models import FakeAutoScalingGroup

    @patch(FakeAutoScalingGroup.replace_autoscaling_group_instances)
    def replace_autoscaling_group_instances(original, group, *args, **options):
        """A launch that fails is no error of the group (EC2 Auto Scaling User Guide, "EC2 launch failures")."""
        try:
            original(group, *args, **options)
        except EC2ClientError as problem:
            LOG.info("The Auto Scaling group %s launches nothing: %s", group.name, problem)


def install() -> None:
    """Add the service."""
    by_moto.add("autoscaling", prepare)
