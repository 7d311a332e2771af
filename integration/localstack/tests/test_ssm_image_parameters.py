"""Parameters of the data type `aws:ec2:image`.

Where a test names no other page, it follows the Systems Manager User Guide, "Native parameter support for Amazon
Machine Image IDs".
"""

import pytest
from botocore.exceptions import ClientError
from conditions import wait_until
from ec2_images import OTHER_REGION, REGION, bake_image, copy_image, rejection, settled_copy
from event_queue import EventQueue, pattern
from plugin_routes import copies_take, end_copies, validations_take

NAME = "/image-copier/ubuntu"


class Parameters:
    """Parameter Store of an account, and its events."""

    def __init__(self, localstack, account: str) -> None:
        self.account = account
        self.localstack = localstack
        self.ssm = localstack.client("ssm", account)
        self.events = EventQueue(localstack, account, EventPattern=pattern("aws.ssm", "Parameter Store Change"))

    def bake(self) -> str:
        """The id of an image of the account."""
        return bake_image(self.localstack, self.account, name=f"golden-{len(self.images())}").id

    def images(self) -> list[dict]:
        return self.localstack.client("ec2", self.account).describe_images(Owners=["self"])["Images"]

    def put(self, value: str, **request) -> int:
        """The version that PutParameter answers."""
        request = {"Name": NAME, "Type": "String", "DataType": "aws:ec2:image", "Overwrite": True} | request
        return self.ssm.put_parameter(Value=value, **request)["Version"]

    def stored(self) -> tuple[str, int] | None:
        """The value and version that GetParameter answers."""
        try:
            parameter = self.ssm.get_parameter(Name=NAME)["Parameter"]
        except self.ssm.exceptions.ParameterNotFound:
            return None
        return parameter["Value"], parameter["Version"]

    def wait_until_stored(self, value: str, version: int) -> None:
        wait_until(f"{value} is version {version}", lambda: self.stored() == (value, version))

    def event(self, **wanted: str) -> dict:
        """The event whose detail has these members, once it was delivered."""
        return self.events.message(f"an event with {wanted}", lambda e: e["detail"].items() >= wanted.items())["Event"]


@pytest.fixture
def parameters(localstack, new_account):
    return Parameters(localstack, new_account())


def test_value_is_stored_when_it_was_validated(localstack, parameters):
    """The answer comes before the value is validated."""
    image_id = parameters.bake()
    with validations_take(localstack, 1.5):
        assert parameters.put(image_id) == 1
    assert parameters.stored() is None

    parameters.wait_until_stored(image_id, 1)


def test_old_value_stands_until_the_new_one_was_validated(localstack, parameters):
    """Systems Manager API Reference, PutParameter: the version number is answered before that."""
    first, second = parameters.bake(), parameters.bake()
    parameters.put(first)
    parameters.wait_until_stored(first, 1)

    with validations_take(localstack, 1.5):
        assert parameters.put(second) == 2
    assert parameters.stored() == (first, 1)

    parameters.wait_until_stored(second, 2)
    history = parameters.ssm.get_parameter_history(Name=NAME)["Parameters"]
    assert [(entry["Value"], entry["Version"]) for entry in history] == [(first, 1), (second, 2)]


def test_newest_version_is_the_value_whichever_was_validated_first(localstack, parameters):
    """Systems Manager User Guide, "Working with parameter versions": the highest version is the current one."""
    first, second = parameters.bake(), parameters.bake()
    with validations_take(localstack, 1.5):
        parameters.put(first)
    with validations_take(localstack, 0):
        parameters.put(second)
    parameters.wait_until_stored(second, 2)

    wait_until("both versions", lambda: len(parameters.ssm.get_parameter_history(Name=NAME)["Parameters"]) == 2)

    assert parameters.stored() == (second, 2)


@pytest.mark.parametrize("value", ["ubuntu", "ami-1234", "ami-0123456789abcdef0", "ami-12345678 "])
def test_value_that_is_no_image_of_the_account_is_not_stored(parameters, value):
    """The id has the form of one, and the image is available in the account."""
    assert parameters.put(value) == 1

    event = parameters.event(name=NAME, operation="Create")
    assert event["detail"] == {
        "exception": "Unable to Describe Resource",
        "dataType": "aws:ec2:image",
        "name": NAME,
        "type": "String",
        "operation": "Create",
    }
    assert event["resources"] == [f"arn:aws:ssm:{REGION}:{parameters.account}:parameter{NAME}"]
    assert (event["source"], event["account"], event["region"]) == ("aws.ssm", parameters.account, REGION)
    assert parameters.stored() is None
    assert parameters.ssm.get_parameters_by_path(Path="/image-copier")["Parameters"] == []


def test_failed_update_leaves_the_value_and_spends_its_version(parameters):
    """Systems Manager API Reference, PutParameter: a version number can stand for nothing."""
    first, second = parameters.bake(), parameters.bake()
    parameters.put(first)
    parameters.wait_until_stored(first, 1)

    assert parameters.put("ami-0123456789abcdef0") == 2
    parameters.event(operation="Update", exception="Unable to Describe Resource")
    assert parameters.stored() == (first, 1)

    assert parameters.put(second) == 3
    parameters.wait_until_stored(second, 3)


def test_deleted_parameter_begins_anew(parameters):
    """Systems Manager API Reference, DeleteParameter."""
    image_id = parameters.bake()
    parameters.put("ami-0123456789abcdef0")
    parameters.put(image_id)
    parameters.wait_until_stored(image_id, 2)
    parameters.ssm.delete_parameter(Name=NAME)

    assert parameters.put(image_id, Overwrite=False) == 1
    parameters.wait_until_stored(image_id, 1)


def test_images_that_are_not_available_are_rejected(localstack, parameters):
    """ "Troubleshooting aws:ec2:image parameter creation": the id of an image that is available in the Region."""
    source = bake_image(localstack, parameters.account, name="source")
    disabled, gone = parameters.bake(), parameters.bake()
    source.ec2.disable_image(ImageId=disabled)
    source.ec2.deregister_image(ImageId=gone)
    elsewhere = bake_image(localstack, parameters.account, region=OTHER_REGION).id
    with copies_take(localstack, 600):
        pending = copy_image(source.ec2, source)

    for number, image_id in enumerate([disabled, gone, elsewhere, pending]):
        parameters.put(image_id, Name=f"/images/{number}")
        parameters.event(name=f"/images/{number}", exception="Unable to Describe Resource")

    assert parameters.ssm.get_parameters_by_path(Path="/images")["Parameters"] == []
    source.ec2.deregister_image(ImageId=pending)


def test_image_is_looked_for_when_it_is_validated(localstack, parameters):
    """A copy that becomes available meanwhile is one."""
    source = bake_image(localstack, parameters.account, name="source")
    with validations_take(localstack, 2), copies_take(localstack, 600):
        copy = copy_image(source.ec2, source)
        parameters.put(copy)
    source.ec2.deregister_image(ImageId=copy)
    with validations_take(localstack, 2), copies_take(localstack, 600):
        copy = copy_image(source.ec2, source)
        parameters.put(copy)
    end_copies(localstack, parameters.account)

    parameters.event(operation="Create", exception="Unable to Describe Resource")
    parameters.wait_until_stored(copy, 2)


def test_shared_image_is_available_to_the_account(localstack, parameters, new_account):
    """ "Troubleshooting aws:ec2:image parameter creation": an image that the account may access."""
    shared = bake_image(localstack, new_account())
    parameters.put(shared.id, Name="/images/foreign")
    parameters.event(name="/images/foreign", exception="Unable to Describe Resource")
    shared.share(parameters.account)

    parameters.put(shared.id)

    parameters.wait_until_stored(shared.id, 1)


def test_changes_are_announced_when_they_are_made(localstack, parameters):
    """Systems Manager User Guide, "Setting up notifications or trigger actions based on Parameter Store events"."""
    first, second = parameters.bake(), parameters.bake()
    with validations_take(localstack, 1):
        parameters.put(first, Description="golden")
    assert parameters.events.receive() == []
    created = parameters.event(operation="Create")
    assert parameters.stored() == (first, 1)
    parameters.put(second)

    updated = parameters.event(operation="Update")

    assert created["detail"] == {"operation": "Create", "name": NAME, "type": "String", "description": "golden"}
    assert updated["detail"] == {"operation": "Update", "name": NAME, "type": "String", "description": "golden"}
    assert created["resources"] == [f"arn:aws:ssm:{REGION}:{parameters.account}:parameter{NAME}"]
    assert len(parameters.events.received) == 2


def test_data_type_is_answered(parameters):
    """Systems Manager API Reference, Parameter and ParameterMetadata: DataType."""
    image_id = parameters.bake()
    parameters.put(image_id)
    parameters.ssm.put_parameter(Name="/image-copier/note", Type="String", Value="text")
    parameters.wait_until_stored(image_id, 1)

    by_path = parameters.ssm.get_parameters_by_path(Path="/image-copier")["Parameters"]
    described = parameters.ssm.describe_parameters()["Parameters"]

    expected = {NAME: "aws:ec2:image", "/image-copier/note": "text"}
    assert parameters.ssm.get_parameter(Name=NAME)["Parameter"]["DataType"] == "aws:ec2:image"
    assert {parameter["Name"]: parameter["DataType"] for parameter in by_path} == expected
    assert {parameter["Name"]: parameter["DataType"] for parameter in described} == expected


def test_tags_and_description_are_set_with_the_value(parameters):
    """Systems Manager API Reference, PutParameter: Tags, Description."""
    image_id = parameters.bake()
    parameters.put(image_id, Overwrite=False, Description="golden", Tags=[{"Key": "Team", "Value": "images"}])
    parameters.wait_until_stored(image_id, 1)

    [described] = parameters.ssm.describe_parameters()["Parameters"]
    tags = parameters.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=NAME)["TagList"]

    assert described["Description"] == "golden"
    assert tags == [{"Key": "Team", "Value": "images"}]


def test_text_is_stored_at_once(parameters):
    """Systems Manager User Guide, "Parameter data types": only images are validated asynchronously, text never is."""
    assert parameters.put("ami-0123456789abcdef0", DataType="text") == 1

    assert parameters.stored() == ("ami-0123456789abcdef0", 1)


def test_existing_parameter_needs_overwrite(parameters):
    """Systems Manager API Reference, PutParameter: ParameterAlreadyExists."""
    image_id = parameters.bake()
    parameters.put(image_id, Overwrite=False)
    parameters.wait_until_stored(image_id, 1)

    code, status, _ = rejection(
        parameters.ssm.put_parameter, Name=NAME, Type="String", DataType="aws:ec2:image", Value=image_id
    )

    assert (code, status) == ("ParameterAlreadyExists", 400)
    assert parameters.put(image_id) == 2


@pytest.mark.parametrize(
    "request_", [{"DataType": "aws:ec2:ami"}, {"DataType": "AWS:EC2:IMAGE"}, {"Type": "StringList"}]
)
def test_wrong_types_are_rejected(parameters, request_):
    """Systems Manager User Guide, "Parameter data types": their names, and String alone for images."""
    with pytest.raises(ClientError) as caught:
        parameters.put(parameters.bake(), **request_)

    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert parameters.ssm.describe_parameters()["Parameters"] == []


@pytest.mark.parametrize(("first", "second"), [("aws:ec2:image", "text"), ("text", "aws:ec2:image")])
def test_data_type_is_never_changed(parameters, first, second):
    """Systems Manager User Guide, "Parameter data types": no change to or from aws:ec2:image."""
    image_id = parameters.bake()
    parameters.put(image_id, DataType=first)
    parameters.wait_until_stored(image_id, 1)

    with pytest.raises(ClientError) as caught:
        parameters.put(image_id, DataType=second)

    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert parameters.stored() == (image_id, 1)
    assert parameters.ssm.get_parameter(Name=NAME)["Parameter"]["DataType"] == first


def test_update_that_names_no_data_type_is_validated_too(parameters):
    """Systems Manager User Guide, "Parameter data types": the parameter stays one for images."""
    image_id = parameters.bake()
    parameters.put(image_id)
    parameters.wait_until_stored(image_id, 1)

    parameters.ssm.put_parameter(Name=NAME, Value="ubuntu", Overwrite=True)

    parameters.event(operation="Update", exception="Unable to Describe Resource")
    assert parameters.stored() == (image_id, 1)
    assert parameters.ssm.get_parameter(Name=NAME)["Parameter"]["DataType"] == "aws:ec2:image"


def test_copy_can_be_named_as_soon_as_it_is_available(localstack, parameters):
    """An image that CopyImage made is one of the account."""
    source = bake_image(localstack, parameters.account)
    with copies_take(localstack, 0):
        copy = settled_copy(source.ec2, source)

    parameters.put(copy["ImageId"])

    parameters.wait_until_stored(copy["ImageId"], 1)
