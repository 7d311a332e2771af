"""Amazon EC2 Auto Scaling: what reads, which takes no resource (Service Authorization Reference)."""

from .request import Operations, named, on_all

OPERATIONS: Operations = named(
    "DescribeAutoScalingGroups DescribeAutoScalingInstances DescribeLaunchConfigurations", on_all("autoscaling")
)
