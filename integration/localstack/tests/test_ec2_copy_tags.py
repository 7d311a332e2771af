"""Tags of a copy (EC2 API Reference, CopyImage: TagSpecifications and CopyImageTags)."""

import pytest
from ec2_images import (
    REGION,
    bake_image,
    copy_image,
    error_code,
    image_of,
    settled,
    snapshots_of,
    tag_list,
    tags_of,
)
from plugin_routes import copies_take

pytestmark = pytest.mark.usefixtures("quick_copies")

SOURCE_TAGS = {"Recipe": "ubuntu", "ec2:SharedTag/BuildNumber": "12", "aws:imagebuilder": "arn"}


@pytest.fixture
def source(localstack, new_account):
    """A tagged image. On AWS only its services set aws: tags; LocalStack's CreateTags takes them."""
    baked = bake_image(localstack, new_account())
    baked.ec2.create_tags(Resources=[baked.id], Tags=tag_list(**SOURCE_TAGS))
    return baked


@pytest.fixture
def target(localstack, new_account, source):
    account = new_account()
    source.share(account)
    return localstack.client("ec2", account)


def specifications(**tags_of_type: dict[str, str]) -> list[dict]:
    return [{"ResourceType": kind, "Tags": tag_list(**tags)} for kind, tags in tags_of_type.items()]


def test_image_and_every_snapshot_are_tagged_from_the_start(localstack, source, target):
    """EC2 User Guide, "Tag your Amazon EC2 resources": tags are part of making a resource."""
    tags = specifications(image={"Name": "golden"}, snapshot={"Name": "golden", "Of": "image"})

    with copies_take(localstack, 600):
        pending = image_of(target, copy_image(target, source, TagSpecifications=tags))

    assert (pending["State"], tags_of(pending)) == ("pending", {"Name": "golden"})
    snapshots = target.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert [tags_of(snapshot) for snapshot in snapshots] == [{"Name": "golden", "Of": "image"}] * 2
    target.deregister_image(ImageId=pending["ImageId"])


def test_untagged_without_specifications(source, target):
    """EC2 API Reference, CopyImage: CopyImageTags is false unless given."""
    copy = settled(target, copy_image(target, source))

    assert tags_of(copy) == {}
    assert [tags_of(snapshot) for snapshot in snapshots_of(target, copy)] == [{}, {}]


def test_own_tags_are_copied_on_request_but_never_those_of_aws(localstack, source):
    """EC2 API Reference, CopyImage: CopyImageTags leaves out tags with the prefix aws:."""
    copy = settled(source.ec2, copy_image(source.ec2, source, CopyImageTags=True))

    assert tags_of(copy) == {"Recipe": "ubuntu", "ec2:SharedTag/BuildNumber": "12"}
    assert [tags_of(snapshot) for snapshot in snapshots_of(source.ec2, copy)] == [{}, {}]


def test_of_another_accounts_tags_only_shared_ones_are_copied(source, target):
    """EC2 API Reference, CopyImage: CopyImageTags leaves out what other accounts attached, but not ec2:SharedTag/."""
    copy = settled(target, copy_image(target, source, CopyImageTags=True))

    assert tags_of(copy) == {"ec2:SharedTag/BuildNumber": "12"}


def test_own_tags_on_a_shared_image_are_copied(source, target):
    """EC2 API Reference, CopyImage: CopyImageTags copies the user-defined tags of the account that copies."""
    target.create_tags(Resources=[source.id], Tags=tag_list(Approved="yes"))

    copy = settled(target, copy_image(target, source, CopyImageTags=True))

    assert tags_of(copy) == {"ec2:SharedTag/BuildNumber": "12", "Approved": "yes"}


def test_specified_tags_win_over_copied_ones(source):
    """One value a key (EC2 User Guide, "Tag your Amazon EC2 resources")."""
    tags = specifications(image={"Recipe": "debian"})

    copy = settled(source.ec2, copy_image(source.ec2, source, CopyImageTags=True, TagSpecifications=tags))

    assert tags_of(copy) == {"Recipe": "debian", "ec2:SharedTag/BuildNumber": "12"}


def test_an_images_shared_tags_may_be_specified(source, target):
    """EC2 User Guide, "Share tags of an AMI": for images alone."""
    tags = specifications(image={"ec2:SharedTag/Stage": "PROD"}, snapshot={"Stage": "PROD"})

    copy = settled(target, copy_image(target, source, TagSpecifications=tags))

    assert tags_of(copy) == {"ec2:SharedTag/Stage": "PROD"}


FIFTY_TAGS = {f"key-{number}": "value" for number in range(50)}


def test_fifty_tags_are_allowed_and_not_one_more(source, target):
    """EC2 User Guide, "Tag your Amazon EC2 resources": 50 tags a resource; EC2 error code TagLimitExceeded."""
    copy = settled(target, copy_image(target, source, TagSpecifications=specifications(snapshot=FIFTY_TAGS)))
    assert [tags_of(snapshot) for snapshot in snapshots_of(target, copy)] == [FIFTY_TAGS, FIFTY_TAGS]

    for kind in ("image", "snapshot"):
        tags = specifications(**{kind: {**FIFTY_TAGS, "one": "more"}})
        assert error_code(target.copy_image, **request(source, TagSpecifications=tags)) == "TagLimitExceeded"
    tags = specifications(image=FIFTY_TAGS)
    code = error_code(target.copy_image, **request(source, TagSpecifications=tags, CopyImageTags=True))
    assert code == "TagLimitExceeded"


def request(source, **options) -> dict:
    return {"Name": "copy", "SourceImageId": source.id, "SourceRegion": REGION} | options


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(specifications(instance={"a": "b"}), id="other resource type"),
        pytest.param(specifications(image={"aws:recipe": "b"}), id="reserved prefix"),
        pytest.param(specifications(image={"AWS:recipe": "b"}), id="reserved prefix in other case"),
        pytest.param(specifications(snapshot={"ec2:SharedTag/a": "b"}), id="shared tag of a snapshot"),
        pytest.param(specifications(image={"k" * 128: "b"}), id="key too long"),
        pytest.param(specifications(image={"a": "v" * 257}), id="value too long"),
        pytest.param(specifications(image={}), id="no tags"),
        pytest.param([{"ResourceType": "image", "Tags": [*tag_list(a="1"), *tag_list(a="2")]}], id="duplicate key"),
        pytest.param([*specifications(image={"a": "1"}), *specifications(image={"b": "2"})], id="resource type twice"),
    ],
)
def test_bad_tags_keep_the_copy_from_being_made(source, target, bad):
    """EC2 User Guide, "Tag your Amazon EC2 resources": if tagging fails, the resource is not made."""
    code = error_code(target.copy_image, **request(source, TagSpecifications=bad))

    assert code == "InvalidParameterValue"
    assert target.describe_images(Owners=["self"])["Images"] == []
    assert target.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []
