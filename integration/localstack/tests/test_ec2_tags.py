"""Whose tags an account sees on images and snapshots (EC2 User Guide, "Tag your Amazon EC2 resources")."""

import pytest
from ec2_images import bake_image, image_of, tag_list, tags_of

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
    baked.ec2.create_tags(Resources=[snapshot_id], Tags=tag_list(**SHARED_TAGS))

    [seen] = ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"]
    by_tag = ec2.describe_snapshots(OwnerIds=[baked.account], Filters=[{"Name": "tag:BuildNumber", "Values": ["12"]}])[
        "Snapshots"
    ]
    [own] = baked.ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"]

    assert tags_of(seen) == {}
    assert by_tag == []
    assert tags_of(own) == SHARED_TAGS
