"""EC2 Fleets, Spot Fleets and Spot Instance requests, and the images that they launch (EC2 API Reference)."""

import pytest
from ec2_images import bake_image, error_code
from identities import Identities, allow

ROLE = "arn:aws:iam::123456789012:role/aws-ec2-spot-fleet-tagging-role"


@pytest.fixture
def baked(localstack, new_account):
    return bake_image(localstack, new_account())


@pytest.fixture
def other(localstack, baked):
    return bake_image(localstack, baked.account, name="other")


@pytest.fixture
def template(baked, other) -> str:
    """A launch template whose default version is one image, and its latest the other."""
    data = {"ImageId": baked.id, "InstanceType": "t4g.micro"}
    made = baked.ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)
    template_id = made["LaunchTemplate"]["LaunchTemplateId"]
    request = {"LaunchTemplateId": template_id, "LaunchTemplateData": {**data, "ImageId": other.id}}
    baked.ec2.create_launch_template_version(**request)
    return template_id


def config(template: str, version: str, *overrides: dict) -> dict:
    named = {"LaunchTemplateId": template, "Version": version}
    return {"LaunchTemplateSpecification": named, "Overrides": list(overrides)}


def create_fleet(ec2, *configs: dict, capacity: int = 0, **options) -> str:
    target = {"TotalTargetCapacity": capacity, "DefaultTargetCapacityType": "on-demand"}
    request = {"LaunchTemplateConfigs": list(configs), "TargetCapacitySpecification": target} | options
    return ec2.create_fleet(**request)["FleetId"]


def request_spot_fleet(ec2, capacity: int = 0, **launch) -> str:
    request = {"IamFleetRole": ROLE, "TargetCapacity": capacity} | launch
    return ec2.request_spot_fleet(SpotFleetRequestConfig=request)["SpotFleetRequestId"]


def running_images(ec2) -> list[str]:
    reservations = ec2.describe_instances()["Reservations"]
    return [instance["ImageId"] for reservation in reservations for instance in reservation["Instances"]]


@pytest.mark.parametrize("version, number", [("1", 0), ("$Default", 0), ("2", 1), ("$Latest", 1)])
def test_fleet_launches_the_version_that_it_names(baked, other, template, version, number):
    """FleetLaunchTemplateSpecification: Version. It is shown as it was given."""
    fleet_id = create_fleet(baked.ec2, config(template, version), capacity=1)

    [shown] = baked.ec2.describe_fleets()["Fleets"]
    assert (shown["FleetId"], shown["FleetState"], shown["Type"]) == (fleet_id, "active", "maintain")
    specification = shown["LaunchTemplateConfigs"][0]["LaunchTemplateSpecification"]
    assert specification == {"LaunchTemplateId": template, "Version": version}
    assert running_images(baked.ec2) == [(baked, other)[number].id]


def test_fleet_of_no_capacity_shows_what_it_would_launch(baked, other, template):
    """FleetLaunchTemplateOverrides: ImageId goes before the template's."""
    overrides = [{"InstanceType": "t4g.small"}, {"InstanceType": "t4g.large", "ImageId": other.id}]
    create_fleet(baked.ec2, config(template, "1", *overrides))

    [shown] = baked.ec2.describe_fleets()["Fleets"]

    assert shown["TargetCapacitySpecification"]["TotalTargetCapacity"] == 0
    assert shown["LaunchTemplateConfigs"][0]["Overrides"] == overrides
    assert running_images(baked.ec2) == []


def test_override_s_image_is_launched(baked, other, template):
    """FleetLaunchTemplateOverridesRequest: ImageId."""
    create_fleet(baked.ec2, config(template, "1", {"ImageId": other.id}), capacity=1)

    assert running_images(baked.ec2) == [other.id]


def test_fleet_of_a_disabled_image_launches_nothing(baked, template):
    """EC2 User Guide, "Disable an AMI": launches fail, and what refers to the image stays."""
    baked.ec2.disable_image(ImageId=baked.id)

    create_fleet(baked.ec2, config(template, "1"), capacity=1)

    assert len(baked.ec2.describe_fleets()["Fleets"]) == 1
    assert running_images(baked.ec2) == []


def test_instant_fleets_are_shown_by_their_ids_alone(baked, template):
    """DescribeFleets, FleetIds; the filter fleet-state."""
    instant = create_fleet(baked.ec2, config(template, "1"), Type="instant")
    kept, deleted = (create_fleet(baked.ec2, config(template, "1")) for _ in range(2))
    baked.ec2.delete_fleets(FleetIds=[deleted], TerminateInstances=True)

    def found(**request) -> set[str]:
        return {fleet["FleetId"] for fleet in baked.ec2.describe_fleets(**request)["Fleets"]}

    assert found() == {kept, deleted}
    assert found(Filters=[{"Name": "fleet-state", "Values": ["active"]}]) == {kept}
    assert found(FleetIds=[instant]) == {instant}


def test_spot_fleet_shows_its_templates(baked, other, template):
    """SpotFleetRequestConfigData: LaunchTemplateConfigs, as they were given; each version is launched."""
    configs = [config(template, "$Latest", {"InstanceType": "t4g.small"})]
    fleet_id = request_spot_fleet(baked.ec2, capacity=1, LaunchTemplateConfigs=configs)

    [shown] = baked.ec2.describe_spot_fleet_requests()["SpotFleetRequestConfigs"]

    assert (shown["SpotFleetRequestId"], shown["SpotFleetRequestState"]) == (fleet_id, "active")
    assert shown["SpotFleetRequestConfig"]["LaunchTemplateConfigs"] == configs
    assert "LaunchSpecifications" not in shown["SpotFleetRequestConfig"]
    assert running_images(baked.ec2) == [other.id]


def test_spot_fleet_of_no_capacity_shows_its_images(baked):
    """SpotFleetLaunchSpecification: ImageId."""
    launch = [{"ImageId": baked.id, "InstanceType": "t4g.micro"}]
    request_spot_fleet(baked.ec2, LaunchSpecifications=launch)

    [shown] = baked.ec2.describe_spot_fleet_requests()["SpotFleetRequestConfigs"]

    assert shown["SpotFleetRequestConfig"]["LaunchSpecifications"] == launch
    assert running_images(baked.ec2) == []


def test_spot_instance_request_shows_its_image(baked):
    """SpotInstanceRequest: LaunchSpecification."""
    baked.ec2.request_spot_instances(LaunchSpecification={"ImageId": baked.id, "InstanceType": "t4g.micro"})

    [shown] = baked.ec2.describe_spot_instance_requests()["SpotInstanceRequests"]

    assert (shown["State"], shown["LaunchSpecification"]["ImageId"]) == ("active", baked.id)


def test_pages(baked, template):
    """DescribeFleets and DescribeSpotFleetRequests: MaxResults and NextToken."""
    fleets = {create_fleet(baked.ec2, config(template, "1")) for _ in range(3)}
    spot_fleets = {request_spot_fleet(baked.ec2, LaunchTemplateConfigs=[config(template, "1")]) for _ in range(3)}

    for operation, member, key, expected in (
        ("describe_fleets", "Fleets", "FleetId", fleets),
        ("describe_spot_fleet_requests", "SpotFleetRequestConfigs", "SpotFleetRequestId", spot_fleets),
    ):
        pages = baked.ec2.get_paginator(operation).paginate(PaginationConfig={"PageSize": 2})
        found = [[each[key] for each in page[member]] for page in pages]
        assert [len(page) for page in found] == [2, 1]
        assert {each for page in found for each in page} == expected


@pytest.mark.parametrize("action", ["DescribeFleets", "DescribeSpotFleetRequests", "DescribeSpotInstanceRequests"])
def test_reading_needs_a_right_for_each_operation(localstack, baked, action):
    """Service Authorization Reference, Amazon EC2: no resources."""
    identities = Identities(localstack, baked.account)
    allowed, denied = (identities.role(allow(name), name=name.split(":")[1]) for name in (f"ec2:{action}", "ec2:None"))
    operation = {
        "DescribeFleets": "describe_fleets",
        "DescribeSpotFleetRequests": "describe_spot_fleet_requests",
        "DescribeSpotInstanceRequests": "describe_spot_instance_requests",
    }[action]

    getattr(allowed.client("ec2"), operation)()

    assert error_code(getattr(denied.client("ec2"), operation)) == "UnauthorizedOperation"
