"""Auto Scaling groups and what they launch (EC2 Auto Scaling API Reference)."""

import pytest
from ec2_images import REGION, bake_image, error_code
from identities import Identities, allow

ZONES = [f"{REGION}a"]


@pytest.fixture
def baked(localstack, new_account):
    return bake_image(localstack, new_account())


@pytest.fixture
def autoscaling(localstack, baked):
    return localstack.client("autoscaling", baked.account)


def create_template(baked, name: str = "web") -> str:
    data = {"ImageId": baked.id, "InstanceType": "t4g.micro"}
    template = baked.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    return template["LaunchTemplate"]["LaunchTemplateId"]


def create_group(autoscaling, name: str = "web", **launch) -> None:
    size = {"MinSize": 0, "MaxSize": 2, "DesiredCapacity": 0}
    autoscaling.create_auto_scaling_group(**{"AutoScalingGroupName": name, "AvailabilityZones": ZONES} | size | launch)


def group(autoscaling, name: str = "web") -> dict:
    [found] = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return found


@pytest.mark.parametrize("version", ["1", "$Latest", "$Default"])
def test_group_shows_the_version_of_its_template_as_it_was_given(baked, autoscaling, version):
    """LaunchTemplateSpecification: a number, `$Latest` or `$Default`."""
    template_id = create_template(baked)

    create_group(autoscaling, LaunchTemplate={"LaunchTemplateId": template_id, "Version": version})

    shown = group(autoscaling)["LaunchTemplate"]
    assert shown == {"LaunchTemplateId": template_id, "LaunchTemplateName": "web", "Version": version}


def test_mixed_instances_policy_shows_its_templates_and_images(baked, autoscaling):
    """LaunchTemplateOverrides: an instance type, a template of its own, or an image of its own."""
    first, second = create_template(baked), create_template(baked, "arm")
    overrides = [
        {"InstanceType": "t4g.small"},
        {"InstanceType": "t4g.large", "LaunchTemplateSpecification": {"LaunchTemplateId": second, "Version": "1"}},
        {"InstanceType": "m7g.large", "ImageId": baked.id},
    ]
    template = {"LaunchTemplateSpecification": {"LaunchTemplateId": first, "Version": "$Latest"}}

    create_group(autoscaling, MixedInstancesPolicy={"LaunchTemplate": template | {"Overrides": overrides}})

    shown = group(autoscaling)["MixedInstancesPolicy"]["LaunchTemplate"]
    assert shown["LaunchTemplateSpecification"]["LaunchTemplateId"] == first
    assert shown["LaunchTemplateSpecification"]["Version"] == "$Latest"
    assert shown["Overrides"] == overrides


def test_launch_configuration_names_its_image(baked, autoscaling):
    """LaunchConfiguration: ImageId."""
    request = {"LaunchConfigurationName": "old", "ImageId": baked.id, "InstanceType": "t4g.micro"}
    autoscaling.create_launch_configuration(**request)
    create_group(autoscaling, LaunchConfigurationName="old")

    assert group(autoscaling)["LaunchConfigurationName"] == "old"
    [shown] = autoscaling.describe_launch_configurations()["LaunchConfigurations"]
    assert shown.items() >= request.items()


def test_group_launches_its_image(baked, autoscaling):
    """DesiredCapacity, and Instance: what the group runs are instances of EC2."""
    template_id = create_template(baked)
    create_group(autoscaling, DesiredCapacity=1, LaunchTemplate={"LaunchTemplateId": template_id, "Version": "1"})

    [shown] = group(autoscaling)["Instances"]

    [reservation] = baked.ec2.describe_instances(InstanceIds=[shown["InstanceId"]])["Reservations"]
    assert reservation["Instances"][0]["ImageId"] == baked.id


def test_group_of_a_disabled_image_launches_nothing(baked, autoscaling):
    """EC2 User Guide, "Disable an AMI": groups can refer to it further, and launches fail."""
    template_id = create_template(baked)
    create_group(autoscaling, LaunchTemplate={"LaunchTemplateId": template_id, "Version": "1"})
    baked.ec2.disable_image(ImageId=baked.id)

    autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)

    shown = group(autoscaling)
    assert (shown["DesiredCapacity"], shown["Instances"]) == (1, [])
    assert shown["LaunchTemplate"]["LaunchTemplateId"] == template_id
    assert baked.ec2.describe_instances()["Reservations"] == []


def test_pages(baked, autoscaling):
    """DescribeAutoScalingGroups and DescribeLaunchConfigurations: MaxRecords and NextToken."""
    names = [f"web-{number}" for number in range(5)]
    for name in names:
        request = {"LaunchConfigurationName": name, "ImageId": baked.id, "InstanceType": "t4g.micro"}
        autoscaling.create_launch_configuration(**request)
        create_group(autoscaling, name, LaunchConfigurationName=name)

    for operation, member, key in (
        ("describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupName"),
        ("describe_launch_configurations", "LaunchConfigurations", "LaunchConfigurationName"),
    ):
        pages = autoscaling.get_paginator(operation).paginate(PaginationConfig={"PageSize": 2})
        found = [[each[key] for each in page[member]] for page in pages]
        assert [len(page) for page in found] == [2, 2, 1]
        assert [name for page in found for name in page] == names


def test_reading_needs_a_right_for_each_operation(localstack, baked):
    """Service Authorization Reference, Amazon EC2 Auto Scaling: no resources."""
    reads = ["DescribeAutoScalingGroups", "DescribeLaunchConfigurations"]
    identities = Identities(localstack, baked.account)
    for action in reads:
        client = identities.role(allow(f"autoscaling:{action}"), name=action).client("autoscaling")
        calls = {
            "DescribeAutoScalingGroups": client.describe_auto_scaling_groups,
            "DescribeLaunchConfigurations": client.describe_launch_configurations,
        }
        calls.pop(action)()
        [other] = calls.values()
        assert error_code(other) == "AccessDenied"
