"""DescribeImageReferences (EC2 User Guide, "Identify your resources referencing specified AMIs")."""

import pytest
from conditions import wait_until
from ec2_images import REGION, bake_image, error_code, rejection
from identities import Identities, allow, denial
from plugin_routes import validations_take

BEHIND = [
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeLaunchTemplateVersions",
    "ssm:DescribeParameters",
    "ssm:GetParameters",
    "imagebuilder:ListImageRecipes",
    "imagebuilder:ListContainerRecipes",
    "imagebuilder:GetContainerRecipe",
]
CALLED_VIA_EC2 = {"ForAnyValue:StringEquals": {"aws:CalledVia": ["ec2-images.amazonaws.com"]}}


@pytest.fixture
def baked(localstack, new_account):
    return bake_image(localstack, new_account())


@pytest.fixture
def other(localstack, baked):
    return bake_image(localstack, baked.account, name="other")


def arn(baked, resource: str) -> str:
    return f"arn:aws:ec2:{REGION}:{baked.account}:{resource}"


def references(ec2, *image_ids: str, **options) -> list[tuple[str, str, str]]:
    """The image, the type of the resource and its ARN, for all types unless options say otherwise."""
    scope = options or {"IncludeAllResourceTypes": True}
    found = ec2.describe_image_references(ImageIds=list(image_ids), **scope)["ImageReferences"]
    return sorted((each["ImageId"], each["ResourceType"], each["Arn"]) for each in found)


def of_type(resource_type: str, **option: str) -> list[dict]:
    options = [{"OptionName": name.replace("_", "-"), "OptionValues": value.split()} for name, value in option.items()]
    return [{"ResourceType": resource_type, **({"ResourceTypeOptions": options} if options else {})}]


def launch(ec2, image_id: str) -> str:
    run = ec2.run_instances(ImageId=image_id, InstanceType="t4g.micro", MinCount=1, MaxCount=1)
    return run["Instances"][0]["InstanceId"]


def create_template(ec2, *image_ids: str, name: str = "web") -> str:
    """A launch template with a version for each image."""
    first, *others = image_ids
    request = {"LaunchTemplateName": name, "LaunchTemplateData": {"ImageId": first}}
    template_id = ec2.create_launch_template(**request)["LaunchTemplate"]["LaunchTemplateId"]
    for image_id in others:
        ec2.create_launch_template_version(LaunchTemplateId=template_id, LaunchTemplateData={"ImageId": image_id})
    return template_id


def test_unused_image_has_no_references(localstack, new_account, baked):
    assert references(baked.ec2, baked.id) == []
    # What others do with it is theirs.
    user = new_account()
    baked.share(user)
    launch(localstack.client("ec2", user), baked.id)
    assert references(baked.ec2, baked.id) == []


def test_all_types_of_several_images(localstack, baked, other):
    """The example output: a reference for each image and resource."""
    instance_id, template_id = launch(baked.ec2, baked.id), create_template(baked.ec2, other.id, baked.id)
    ssm = localstack.client("ssm", baked.account)
    with validations_take(localstack, 0):
        ssm.put_parameter(Name="/golden/web", Value=other.id, Type="String", DataType="aws:ec2:image")
        wait_for_parameter(ssm, "/golden/web")

    assert references(baked.ec2, baked.id, other.id) == sorted(
        [
            (baked.id, "ec2:Instance", arn(baked, f"instance/{instance_id}")),
            (baked.id, "ec2:LaunchTemplate", arn(baked, f"launch-template/{template_id}")),
            (other.id, "ec2:LaunchTemplate", arn(baked, f"launch-template/{template_id}")),
            (other.id, "ssm:Parameter", f"arn:aws:ssm:{REGION}:{baked.account}:parameter/golden/web"),
        ]
    )


def wait_for_parameter(ssm, name: str) -> None:
    wait_until("the parameter is stored", lambda: ssm.get_parameters(Names=[name])["Parameters"])


def test_types_that_are_asked_for(baked):
    """Resource type selection: ResourceTypes."""
    instance_id, template_id = launch(baked.ec2, baked.id), create_template(baked.ec2, baked.id)

    instances = references(baked.ec2, baked.id, ResourceTypes=of_type("ec2:Instance"))
    templates = references(baked.ec2, baked.id, ResourceTypes=of_type("ec2:LaunchTemplate"))

    assert [found for _, _, found in instances] == [arn(baked, f"instance/{instance_id}")]
    assert [found for _, _, found in templates] == [arn(baked, f"launch-template/{template_id}")]
    assert references(baked.ec2, baked.id, ResourceTypes=of_type("imagebuilder:ImageRecipe")) == []


def test_instances_by_state(baked):
    """Response scoping: all states by default, also those that are terminated."""
    running, stopped, terminated = (launch(baked.ec2, baked.id) for _ in range(3))
    baked.ec2.stop_instances(InstanceIds=[stopped])
    baked.ec2.terminate_instances(InstanceIds=[terminated])

    def found(**scope) -> set[str]:
        return {each.split("/")[1] for _, _, each in references(baked.ec2, baked.id, **scope)}

    assert found() == {running, stopped, terminated}
    assert found(ResourceTypes=of_type("ec2:Instance")) == {running, stopped, terminated}
    assert found(ResourceTypes=of_type("ec2:Instance", state_name="running stopped")) == {running, stopped}
    both = {"IncludeAllResourceTypes": True, "ResourceTypes": of_type("ec2:Instance", state_name="stopped")}
    assert found(**both) == {stopped}


def test_launch_template_versions_to_a_depth(baked, other):
    """Response scoping: the 10 newest versions by default, up to 10,000 on request."""
    template_id = create_template(baked.ec2, baked.id, *[other.id] * 10)
    expected = [(baked.id, "ec2:LaunchTemplate", arn(baked, f"launch-template/{template_id}"))]

    assert references(baked.ec2, baked.id) == []
    for depth, found in ((1, []), (10, []), (11, expected), (10_000, expected)):
        scope = of_type("ec2:LaunchTemplate", version_depth=str(depth))
        assert references(baked.ec2, baked.id, ResourceTypes=scope) == found, depth
    assert len(references(baked.ec2, other.id)) == 1


def test_deleted_launch_template_is_no_reference(baked, other):
    """EC2 API Reference, DeleteLaunchTemplate."""
    template_id = create_template(baked.ec2, other.id, baked.id, other.id)
    baked.ec2.delete_launch_template(LaunchTemplateId=template_id)

    assert references(baked.ec2, baked.id, other.id) == []


def test_image_is_found_by_its_latest_parameter_version(localstack, baked, other):
    """Systems Manager API Reference, GetParameters: the latest version. Parameters of the type text are texts."""
    ssm = localstack.client("ssm", baked.account)
    ssm.put_parameter(Name="note", Value=baked.id, Type="String")
    with validations_take(localstack, 0):
        for version, image in enumerate((baked, other), start=1):
            ssm.put_parameter(Name="web", Value=image.id, Type="String", DataType="aws:ec2:image", Overwrite=True)
            wait_for_parameter(ssm, f"web:{version}")

    assert references(baked.ec2, baked.id) == []
    [(_, _, found)] = references(baked.ec2, other.id)
    assert found == f"arn:aws:ssm:{REGION}:{baked.account}:parameter/web"


def test_image_may_be_anyones_or_gone(localstack, new_account, baked):
    """It does not matter who owns the image. An instance outlives it."""
    user = new_account()
    ec2 = localstack.client("ec2", user)
    baked.share(user)
    instance_id = launch(ec2, baked.id)
    baked.ec2.deregister_image(ImageId=baked.id)

    [(_, _, found)] = references(ec2, baked.id)
    assert found == f"arn:aws:ec2:{REGION}:{user}:instance/{instance_id}"


def test_pages(baked):
    """EC2 API Reference, DescribeImageReferences: MaxResults, at least 5."""
    launched = {launch(baked.ec2, baked.id) for _ in range(7)}
    pages = baked.ec2.get_paginator("describe_image_references").paginate(
        ImageIds=[baked.id], IncludeAllResourceTypes=True, PaginationConfig={"PageSize": 5}
    )

    found = [[each["Arn"].split("/")[1] for each in page["ImageReferences"]] for page in pages]

    assert [len(page) for page in found] == [5, 2]
    assert {each for page in found for each in page} == launched


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        ({}, "MissingParameter"),
        ({"ResourceTypes": of_type("ec2:Instance", state_name="sleeping")}, "InvalidParameterValue"),
        ({"ResourceTypes": of_type("ec2:Instance", version_depth="5")}, "InvalidParameterValue"),
        ({"ResourceTypes": of_type("ec2:LaunchTemplate", version_depth="0")}, "InvalidParameterValue"),
        ({"ResourceTypes": of_type("ec2:LaunchTemplate", version_depth="10001")}, "InvalidParameterValue"),
        ({"ResourceTypes": of_type("ec2:LaunchTemplate", version_depth="all")}, "InvalidParameterValue"),
        ({"ResourceTypes": of_type("ssm:Parameter", version_depth="5")}, "InvalidParameterValue"),
        ({"ResourceTypes": of_type("ec2:Volume")}, "InvalidParameterValue"),
        ({"IncludeAllResourceTypes": True, "ImageIds": ["golden"]}, "InvalidAMIID.Malformed"),
        ({"IncludeAllResourceTypes": True, "ImageIds": [f"ami-{n:08x}" for n in range(11)]}, "InvalidParameterValue"),
        ({"IncludeAllResourceTypes": True, "DryRun": True}, "DryRunOperation"),
    ],
)
def test_rejects_other_requests(baked, scope, code):
    """EC2 API Reference, DescribeImageReferences: what must be given, and the valid values."""
    request = {"ImageIds": [baked.id]} | scope

    assert rejection(baked.ec2.describe_image_references, **request)[0] == code


def test_needs_the_right_to_describe_what_refers_to_images(localstack, baked):
    """Required IAM permissions: the guide's own policy is enough, and each part of it is needed."""
    own = allow("ec2:DescribeImageReferences")
    request = {"ImageIds": [baked.id], "IncludeAllResourceTypes": True}
    identities = Identities(localstack, baked.account)

    allowed = identities.role(own, allow(BEHIND, Condition=CALLED_VIA_EC2), name="all").client("ec2")
    assert allowed.describe_image_references(**request)["ImageReferences"] == []
    assert error_code(allowed.describe_instances) == "UnauthorizedOperation"
    for number, missing in enumerate(BEHIND):
        others = [action for action in BEHIND if action != missing]
        role = identities.role(own, allow(others, Condition=CALLED_VIA_EC2), name=f"role-{number}")
        code, message = denial(role.client("ec2").describe_image_references, **request)
        assert code == "UnauthorizedOperation"
        assert f"to perform: {missing} on" in message
