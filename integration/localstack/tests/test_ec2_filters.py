"""What selects images and snapshots in listings (EC2 User Guide, "List and filter"; EC2 API Reference)."""

import pytest
from ec2_images import REGION, bake_image, copy_image, create_snapshot, rejection, settled_copy, tag_list


def ids_of(ec2, **filters: list[str]) -> list[str]:
    request = [{"Name": name, "Values": values} for name, values in filters.items()]
    return [image["ImageId"] for image in ec2.describe_images(Filters=request)["Images"]]


def test_ancestry_filters_need_no_owner(localstack, new_account):
    """EC2 API Reference, DescribeImages: source-image-id, source-image-region; Amazon's images have neither."""
    baked = bake_image(localstack, new_account())
    copy = settled_copy(baked.ec2, baked)

    found = ids_of(baked.ec2, **{"source-image-id": [baked.id], "source-image-region": [REGION]})

    assert found == [copy["ImageId"]]
    assert ids_of(baked.ec2, **{"source-image-id": ["ami-00000000000000000"]}) == []


def test_any_of_the_values_matches(localstack, new_account):
    """EC2 User Guide: the values of one filter are joined with OR, filters with AND."""
    baked = bake_image(localstack, new_account())
    baked.ec2.create_tags(Resources=[baked.id, *baked.snapshot_ids], Tags=tag_list(Recipe="ubuntu", Stage="PROD"))
    either = {"Name": "tag-key", "Values": ["Recipe", "Other"]}

    snapshots = baked.ec2.describe_snapshots(OwnerIds=["self"], Filters=[either])["Snapshots"]

    assert ids_of(baked.ec2, **{"owner-id": [baked.account], "tag-key": ["Recipe", "Other"]}) == [baked.id]
    assert ids_of(baked.ec2, **{"block-device-mapping.snapshot-id": [baked.snapshot_ids[0], "snap-0"]}) == [baked.id]
    assert ids_of(baked.ec2, **{"tag:Recipe": ["ubuntu"], "tag:Stage": ["CODE"]}) == []
    assert {snapshot["SnapshotId"] for snapshot in snapshots} == set(baked.snapshot_ids)


@pytest.mark.parametrize(
    ("value", "matches"),
    [("golden[1]", True), ("golden*", True), ("golden?1]", True), (r"golden\*", False), ("golden[12]", False)],
)
def test_wildcards_are_star_and_question_mark_alone(localstack, new_account, value, matches):
    """EC2 User Guide: `*` and `?`, escaped by a backslash; names may hold brackets."""
    baked = bake_image(localstack, new_account(), name="golden[1]")

    assert ids_of(baked.ec2, **{"owner-id": [baked.account], "name": [value]}) == ([baked.id] if matches else [])


def test_restorable_snapshots_are_those_with_explicit_permission(localstack, new_account):
    """EC2 API Reference, DescribeSnapshots: RestorableByUserIds."""
    target = new_account()
    baked = bake_image(localstack, new_account()).share(target)
    ec2 = localstack.client("ec2", target)
    own = create_snapshot(ec2)

    found = {s["SnapshotId"] for s in ec2.describe_snapshots(RestorableByUserIds=["self"])["Snapshots"]}

    assert set(baked.snapshot_ids) <= found
    assert own not in found


def test_rejects_a_token_of_another_listing(localstack, new_account):
    """EC2 Developer Guide, "Error codes": InvalidParameterValue."""
    ec2 = localstack.client("ec2", new_account())

    assert rejection(ec2.describe_images, Owners=["self"], NextToken="none")[:2] == ("InvalidParameterValue", 400)


def test_permissions_are_shown_and_reset(localstack, new_account):
    """EC2 API Reference, DescribeSnapshotAttribute, ResetImageAttribute."""
    target = new_account()
    baked = bake_image(localstack, new_account()).share(target)
    ec2, snapshot_id = baked.ec2, baked.snapshot_ids[0]

    shown = ec2.describe_snapshot_attribute(SnapshotId=snapshot_id, Attribute="createVolumePermission")
    ec2.reset_image_attribute(ImageId=baked.id, Attribute="launchPermission")

    assert (shown["SnapshotId"], shown["CreateVolumePermissions"]) == (snapshot_id, [{"UserId": target}])
    launch = ec2.describe_image_attribute(ImageId=baked.id, Attribute="launchPermission")
    assert launch["LaunchPermissions"] == []


def test_tags_go_with_their_image_and_snapshots(localstack, new_account):
    """EC2 User Guide, "Tag your Amazon EC2 resources": a resource's tags are deleted with it."""
    baked = bake_image(localstack, new_account())
    resources = [baked.id, *baked.snapshot_ids]
    baked.ec2.create_tags(Resources=resources, Tags=tag_list(Recipe="ubuntu"))

    baked.ec2.deregister_image(ImageId=baked.id, DeleteAssociatedSnapshots=True)

    assert baked.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": resources}])["Tags"] == []


@pytest.mark.parametrize("minutes", [10, 20, 2895])
def test_rejects_a_completion_duration_out_of_steps(localstack, new_account, minutes):
    """EBS User Guide, "Time-based copies": 15 minutes to 48 hours in steps of 15."""
    baked = bake_image(localstack, new_account())

    answer = rejection(copy_image, ec2=baked.ec2, source=baked, SnapshotCopyCompletionDurationMinutes=minutes)

    assert answer[:2] == ("InvalidParameterValue", 400)
    assert copy_image(baked.ec2, baked, SnapshotCopyCompletionDurationMinutes=30)


def test_rejects_two_destinations(localstack, new_account):
    """EC2 API Reference, CopyImage: the destinations exclude each other."""
    baked = bake_image(localstack, new_account())
    both = {"DestinationAvailabilityZone": "eu-west-1a", "DestinationAvailabilityZoneId": "euw1-az1"}

    assert rejection(copy_image, ec2=baked.ec2, source=baked, **both)[0] == "InvalidParameterCombination"
