"""Whose tags an account sees on images and snapshots (EC2 User Guide, "Tag your Amazon EC2 resources")."""

import pytest
from ec2_images import bake_image, error_code, image_of, rejection, tag_list, tags_of

SHARED_TAGS = {"ec2:SharedTag/Recipe": "ubuntu", "BuildNumber": "12"}


@pytest.fixture
def shared(localstack, new_account):
    """A tagged image of one account, shared with another, and the EC2 client of that one."""
    friend = new_account()
    specification = [{"ResourceType": "image", "Tags": tag_list(**SHARED_TAGS)}]
    baked = bake_image(localstack, new_account(), TagSpecifications=specification).share(friend)
    return baked, localstack.client("ec2", friend)


def test_other_accounts_see_only_shared_tags(shared):
    """Tags with the prefix ec2:SharedTag/ are readable where the image is shared, all others are the owner's."""
    baked, ec2 = shared

    assert tags_of(image_of(ec2, baked.id)) == {"ec2:SharedTag/Recipe": "ubuntu"}
    assert tags_of(baked.describe()) == SHARED_TAGS


def test_filters_match_only_tags_that_are_seen(shared):
    """EC2 API Reference, DescribeImages: the filters tag:<key> and tag-key."""
    baked, ec2 = shared

    def found(client, name: str, value: str) -> list[str]:
        images = client.describe_images(Owners=[baked.account], Filters=[{"Name": name, "Values": [value]}])["Images"]
        return [image["ImageId"] for image in images]

    assert found(ec2, "tag:ec2:SharedTag/Recipe", "ubuntu") == [baked.id]
    assert found(ec2, "tag:BuildNumber", "12") == []
    assert found(ec2, "tag-key", "BuildNumber") == []
    assert found(baked.ec2, "tag:BuildNumber", "12") == [baked.id]
    assert found(baked.ec2, "tag-key", "BuildNumber") == [baked.id]


def test_tags_that_an_account_attaches_to_a_shared_image_are_its_own(shared):
    """Resources that are shared can be tagged; only the account that did so sees those tags."""
    baked, ec2 = shared

    ec2.create_tags(Resources=[baked.id], Tags=tag_list(Approved="yes"))

    assert tags_of(image_of(ec2, baked.id)) == {"ec2:SharedTag/Recipe": "ubuntu", "Approved": "yes"}
    assert tags_of(baked.describe()) == SHARED_TAGS


def test_owner_adds_and_removes_tags(shared):
    """EC2 API Reference, CreateTags and DeleteTags."""
    baked, _ = shared

    baked.ec2.create_tags(Resources=[baked.id], Tags=tag_list(Tested="yes"))
    assert tags_of(baked.describe()) == SHARED_TAGS | {"Tested": "yes"}
    baked.ec2.delete_tags(Resources=[baked.id], Tags=[{"Key": "Tested"}, {"Key": "BuildNumber"}])
    assert tags_of(baked.describe()) == {"ec2:SharedTag/Recipe": "ubuntu"}


def test_tags_of_shared_snapshots_are_their_owners(shared):
    """Sharing tags by their prefix is for images alone."""
    baked, ec2 = shared
    snapshot_id = baked.snapshot_ids[0]
    baked.ec2.create_tags(Resources=[snapshot_id], Tags=tag_list(BuildNumber="12"))

    [seen] = ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"]
    by_tag = ec2.describe_snapshots(OwnerIds=[baked.account], Filters=[{"Name": "tag:BuildNumber", "Values": ["12"]}])[
        "Snapshots"
    ]
    [own] = baked.ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"]

    assert tags_of(seen) == {}
    assert by_tag == []
    assert tags_of(own) == {"BuildNumber": "12"}


def test_only_an_images_tags_can_be_shared(shared):
    """EC2 User Guide, "Share tags of an AMI": the prefix is for images alone."""
    baked, _ = shared
    snapshot_id = baked.snapshot_ids[0]

    for resources in ([snapshot_id], [baked.id, snapshot_id]):
        rejected = rejection(baked.ec2.create_tags, Resources=resources, Tags=tag_list(**{"ec2:SharedTag/A": "1"}))
        assert rejected[:2] == ("InvalidParameterValue", 400)
    baked.ec2.create_tags(Resources=[baked.id], Tags=tag_list(**{"ec2:SharedTag/A": "1"}))

    assert tags_of(baked.describe()) == SHARED_TAGS | {"ec2:SharedTag/A": "1"}
    [own] = baked.ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"]
    assert tags_of(own) == {}


@pytest.fixture
def own(localstack, new_account):
    """An image and its first snapshot, each with 48 tags."""
    baked = bake_image(localstack, new_account())
    resources = [baked.id, baked.snapshot_ids[0]]
    baked.ec2.create_tags(Resources=resources, Tags=tag_list(**{f"Key{n}": "old" for n in range(48)}))
    return baked, resources


def tags_by_resource(ec2, resources: list[str]) -> list[dict[str, str]]:
    """The tags of each resource, as DescribeTags answers them."""
    tags = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": resources}])["Tags"]
    return [{t["Key"]: t["Value"] for t in tags if t["ResourceId"] == resource} for resource in resources]


def test_a_resource_has_50_tags_at_most(own):
    """EC2 User Guide, "Tag your Amazon EC2 resources", restrictions: AWS's own do not count; TagLimitExceeded."""
    baked, resources = own
    baked.ec2.create_tags(Resources=resources, Tags=[{"Key": "aws:backup:source-resource", "Value": "arn"}])
    baked.ec2.create_tags(Resources=resources, Tags=tag_list(Key48="new", Key49="new"))

    for resource in resources:
        rejected = rejection(baked.ec2.create_tags, Resources=[resource], Tags=tag_list(Key50="new"))
        assert rejected[:2] == ("TagLimitExceeded", 400)

    assert [len(tags) for tags in tags_by_resource(baked.ec2, resources)] == [51, 51]
    baked.ec2.create_tags(Resources=resources, Tags=tag_list(Key0="new", Key49="newer"))
    for tags in tags_by_resource(baked.ec2, resources):
        assert (len(tags), tags["Key0"], tags["Key1"], tags["Key49"]) == (51, "new", "old", "newer")
    baked.ec2.delete_tags(Resources=resources, Tags=[{"Key": "Key0"}])
    baked.ec2.create_tags(Resources=resources, Tags=tag_list(Key50="new"))


def test_all_of_the_tags_are_set_or_none(own):
    """EC2 API Reference, CreateTags: one resource without room keeps the others from being tagged."""
    baked, resources = own
    empty = baked.snapshot_ids[1]

    code = error_code(baked.ec2.create_tags, Resources=[empty, *resources], Tags=tag_list(A="1", B="2", C="3"))

    assert code == "TagLimitExceeded"
    assert [len(tags) for tags in tags_by_resource(baked.ec2, [empty, *resources])] == [0, 48, 48]


@pytest.mark.parametrize(
    "tag",
    [
        {"Key": "k" * 128, "Value": "x"},
        {"Key": "Recipe", "Value": "v" * 257},
        {"Key": "", "Value": "x"},
    ],
)
def test_tags_that_ec2_rejects(own, tag):
    """EC2 User Guide, "Tag your Amazon EC2 resources": restrictions."""
    baked, resources = own

    assert rejection(baked.ec2.create_tags, Resources=resources, Tags=[tag])[:2] == ("InvalidParameterValue", 400)
    assert [len(tags) for tags in tags_by_resource(baked.ec2, resources)] == [48, 48]


def test_value_may_be_left_out(own):
    """EC2 API Reference, CreateTags: the value is then an empty string."""
    baked, resources = own

    baked.ec2.create_tags(Resources=resources, Tags=[{"Key": "Approved"}])

    assert [tags["Approved"] for tags in tags_by_resource(baked.ec2, resources)] == ["", ""]


def test_what_is_gone_is_not_tagged(own):
    """EC2 Developer Guide, "Error codes": InvalidAMIID.NotFound, InvalidSnapshot.NotFound."""
    baked, [image_id, snapshot_id] = own
    baked.ec2.deregister_image(ImageId=image_id, DeleteAssociatedSnapshots=True)

    for resource, code in ((image_id, "InvalidAMIID.NotFound"), (snapshot_id, "InvalidSnapshot.NotFound")):
        assert error_code(baked.ec2.create_tags, Resources=[resource], Tags=tag_list(A="1")) == code
    assert tags_by_resource(baked.ec2, [image_id, snapshot_id]) == [{}, {}]
