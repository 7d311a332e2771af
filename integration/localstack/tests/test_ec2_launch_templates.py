"""Launch templates (EC2 API Reference, DescribeLaunchTemplates and DescribeLaunchTemplateVersions; RunInstances)."""

import pytest
from conditions import wait_until
from ec2_images import bake_image, error_code
from identities import Identities, allow, denial
from plugin_routes import validations_take


@pytest.fixture
def baked(localstack, new_account):
    return bake_image(localstack, new_account())


@pytest.fixture
def other(localstack, baked):
    return bake_image(localstack, baked.account, name="other")


def create_template(ec2, *image_ids: str, name: str = "web") -> str:
    """A launch template with a version for each image."""
    first, *others = image_ids
    request = {"LaunchTemplateName": name, "LaunchTemplateData": {"ImageId": first}}
    template_id = ec2.create_launch_template(**request)["LaunchTemplate"]["LaunchTemplateId"]
    for image_id in others:
        ec2.create_launch_template_version(LaunchTemplateId=template_id, LaunchTemplateData={"ImageId": image_id})
    return template_id


def images(ec2, **request) -> list[str]:
    versions = ec2.describe_launch_template_versions(**request)["LaunchTemplateVersions"]
    return [version["LaunchTemplateData"]["ImageId"] for version in versions]


def launched_image(ec2, **template: str) -> str:
    run = ec2.run_instances(LaunchTemplate=template, InstanceType="t4g.micro", MinCount=1, MaxCount=1)
    return run["Instances"][0]["ImageId"]


@pytest.fixture
def parameter(localstack, baked, other) -> str:
    """A parameter whose first version is one image, and its latest the other."""
    ssm = localstack.client("ssm", baked.account)
    with validations_take(localstack, 0):
        for version, image in enumerate((baked, other), start=1):
            ssm.put_parameter(Name="/web", Value=image.id, Type="String", DataType="aws:ec2:image", Overwrite=True)
            selector = f"/web:{version}"
            wait_until("it is stored", lambda name=selector: ssm.get_parameters(Names=[name])["Parameters"])
    return "/web"


def test_pages_of_templates(baked):
    """MaxResults: 1 to 200; no template is left out."""
    expected = {create_template(baked.ec2, baked.id, name=f"web-{number}") for number in range(17)}
    pages = baked.ec2.get_paginator("describe_launch_templates").paginate(PaginationConfig={"PageSize": 10})

    found = [[each["LaunchTemplateId"] for each in page["LaunchTemplates"]] for page in pages]

    assert [len(page) for page in found] == [10, 7]
    assert {each for page in found for each in page} == expected
    assert len(baked.ec2.describe_launch_templates()["LaunchTemplates"]) == 17
    assert error_code(baked.ec2.describe_launch_templates, MaxResults=201) == "InvalidParameterValue"


def test_pages_of_versions(baked, other):
    """MaxResults: 1 to 200; no version is left out."""
    template_id = create_template(baked.ec2, baked.id, *[other.id] * 16)
    paginator = baked.ec2.get_paginator("describe_launch_template_versions")
    pages = paginator.paginate(LaunchTemplateId=template_id, PaginationConfig={"PageSize": 10})

    found = [[each["VersionNumber"] for each in page["LaunchTemplateVersions"]] for page in pages]

    assert [len(page) for page in found] == [10, 7]
    assert {each for page in found for each in page} == set(range(1, 18))
    assert images(baked.ec2, LaunchTemplateId=template_id).count(baked.id) == 1


def test_latest_and_default_versions_of_all_templates(baked, other):
    """Versions: `$Latest`, `$Default` or both, without naming a template."""
    create_template(baked.ec2, baked.id, other.id)
    create_template(baked.ec2, other.id, name="batch")

    assert images(baked.ec2, Versions=["$Latest"]) == [other.id, other.id]
    assert images(baked.ec2, Versions=["$Default"]) == [baked.id, other.id]
    assert sorted(images(baked.ec2, Versions=["$Latest", "$Default"])) == sorted([baked.id, *[other.id] * 3])


def test_launch_uses_the_version_that_is_named_or_the_default(baked, other):
    """RunInstances, LaunchTemplateSpecification: Version."""
    template_id = create_template(baked.ec2, baked.id, other.id)

    assert launched_image(baked.ec2, LaunchTemplateId=template_id) == baked.id
    assert launched_image(baked.ec2, LaunchTemplateId=template_id, Version="$Default") == baked.id
    assert launched_image(baked.ec2, LaunchTemplateName="web", Version="$Latest") == other.id
    assert launched_image(baked.ec2, LaunchTemplateName="web", Version="2") == other.id


def test_launch_of_a_template_with_a_disabled_image_fails(baked):
    """EC2 User Guide, "Disable an AMI": templates can refer to it further, and launches fail."""
    template_id = create_template(baked.ec2, baked.id)
    launch = {"LaunchTemplate": {"LaunchTemplateId": template_id}, "MinCount": 1, "MaxCount": 1}
    baked.ec2.disable_image(ImageId=baked.id)

    assert error_code(baked.ec2.run_instances, **launch) == "InvalidAMIID.Unavailable"
    assert images(baked.ec2, LaunchTemplateId=template_id) == [baked.id]
    baked.ec2.enable_image(ImageId=baked.id)
    baked.ec2.run_instances(**launch)


def test_parameter_in_place_of_an_image(baked, other, parameter):
    """EC2 User Guide, "Use a Systems Manager parameter instead of an AMI ID": by its name, a version or a label."""
    latest, first = f"resolve:ssm:{parameter}", f"resolve:ssm:{parameter}:1"
    template_id = create_template(baked.ec2, latest, first)

    assert images(baked.ec2, LaunchTemplateId=template_id) == [latest, first]
    assert images(baked.ec2, LaunchTemplateId=template_id, ResolveAlias=True) == [other.id, baked.id]
    assert launched_image(baked.ec2, LaunchTemplateId=template_id, Version="1") == other.id
    assert launched_image(baked.ec2, LaunchTemplateId=template_id, Version="2") == baked.id


def test_looking_up_parameters_needs_a_right(localstack, baked, parameter):
    """DescribeLaunchTemplateVersions, ResolveAlias: parameters are read with the caller's rights."""
    template_id = create_template(baked.ec2, f"resolve:ssm:{parameter}")
    identities = Identities(localstack, baked.account)
    describe = allow("ec2:DescribeLaunchTemplateVersions")
    without = identities.role(describe, name="without").client("ec2")
    request = {"LaunchTemplateId": template_id, "ResolveAlias": True}

    assert images(without, LaunchTemplateId=template_id) == [f"resolve:ssm:{parameter}"]
    code, message = denial(without.describe_launch_template_versions, **request)
    assert code == "UnauthorizedOperation"
    assert "to perform: ssm:GetParameters on" in message
    images(identities.role(describe, allow("ssm:GetParameters")).client("ec2"), **request)


def test_filters_of_versions_are_not_known(baked):
    """Not even one is, so none is passed over."""
    filters = [{"Name": "image-id", "Values": [baked.id]}]

    code = error_code(baked.ec2.describe_launch_template_versions, Versions=["$Latest"], Filters=filters)

    assert code == "InvalidParameterValue"
