"""DeregisterImage, DisableImage and their snapshots (EC2 User Guide, "Deregister an Amazon EC2 AMI")."""

import pytest
from ec2_images import REGION, bake_image, copy_image, error_code, image_of, rejection, settled_copy, tag_list
from plugin_routes import copies_take, end_copies

UNKNOWN_IMAGE = "ami-0123456789abcdef0"


@pytest.fixture
def baked(localstack, new_account):
    return bake_image(localstack, new_account())


def own_snapshots(ec2) -> set[str]:
    return {snapshot["SnapshotId"] for snapshot in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}


def test_snapshots_stay_by_default(baked):
    """Deregistering has no effect on snapshots unless it is asked for."""
    answer = baked.ec2.deregister_image(ImageId=baked.id)

    assert answer.get("DeleteSnapshotResults", []) == []
    assert own_snapshots(baked.ec2) == set(baked.snapshot_ids)
    assert baked.ec2.describe_images(Owners=["self"])["Images"] == []


def test_deregistered_image_is_listed_no_more(baked):
    """EC2 API Reference, DescribeImages: for a while its id gives an empty result."""
    baked.ec2.deregister_image(ImageId=baked.id)

    assert baked.ec2.describe_images(ImageIds=[baked.id])["Images"] == []


def test_deregistering_twice(baked):
    """EC2 Developer Guide, "Error codes": InvalidAMIID.Unavailable."""
    baked.ec2.deregister_image(ImageId=baked.id)

    assert rejection(baked.ec2.deregister_image, ImageId=baked.id)[:2] == ("InvalidAMIID.Unavailable", 400)


def test_only_the_owner_deregisters(localstack, new_account, baked):
    """EC2 Developer Guide, "Error codes": AuthFailure for a shared image, InvalidAMIID.NotFound for a hidden one."""
    friend, stranger = new_account(), new_account()
    baked.share(friend)

    assert error_code(localstack.client("ec2", friend).deregister_image, ImageId=baked.id) == "AuthFailure"
    code = error_code(localstack.client("ec2", stranger).deregister_image, ImageId=baked.id)
    assert code == "InvalidAMIID.NotFound"
    assert baked.describe()["State"] == "available"


def test_amazons_images_stay(baked):
    """EC2 Developer Guide, "Error codes": AuthFailure."""
    public = baked.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]

    assert error_code(baked.ec2.deregister_image, ImageId=public) == "AuthFailure"


@pytest.mark.parametrize(
    ("image_id", "code"), [(UNKNOWN_IMAGE, "InvalidAMIID.NotFound"), ("golden", "InvalidAMIID.Malformed")]
)
def test_rejects_an_image_that_is_not_there(baked, image_id, code):
    """EC2 Developer Guide, "Error codes"."""
    assert error_code(baked.ec2.deregister_image, ImageId=image_id) == code


def test_dry_run_deregisters_nothing(baked):
    """EC2 API Reference, DeregisterImage: DryRun."""
    answer = rejection(baked.ec2.deregister_image, ImageId=baked.id, DryRun=True)

    assert answer[:2] == ("DryRunOperation", 412)
    assert baked.describe()["State"] == "available"


def test_deletes_associated_snapshots(baked):
    """EC2 API Reference, DeregisterImage: DeleteAssociatedSnapshots answers a return code for each snapshot."""
    answer = baked.ec2.deregister_image(ImageId=baked.id, DeleteAssociatedSnapshots=True)

    assert answer["Return"] is True
    results = {result["SnapshotId"]: result["ReturnCode"] for result in answer["DeleteSnapshotResults"]}
    assert results == dict.fromkeys(baked.snapshot_ids, "success")
    assert own_snapshots(baked.ec2) == set()


def test_snapshot_of_another_image_is_skipped(baked):
    """EC2 API Reference, DeregisterImage: a snapshot of several images is not deleted."""
    root, data = baked.snapshot_ids
    device = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": root}}
    twin = baked.ec2.register_image(Name="twin", BlockDeviceMappings=[device])["ImageId"]

    answer = baked.ec2.deregister_image(ImageId=baked.id, DeleteAssociatedSnapshots=True)

    results = {result["SnapshotId"]: result["ReturnCode"] for result in answer["DeleteSnapshotResults"]}
    assert results == {root: "skipped", data: "success"}
    assert own_snapshots(baked.ec2) == {root}
    assert image_of(baked.ec2, twin)["State"] == "available"


def test_snapshot_in_use_cannot_be_deleted(baked):
    """EBS User Guide, "Delete an Amazon EBS snapshot"; EC2 error code InvalidSnapshot.InUse."""
    root, _ = baked.snapshot_ids

    code, status, message = rejection(baked.ec2.delete_snapshot, SnapshotId=root)
    assert (code, status) == ("InvalidSnapshot.InUse", 400)
    assert root in message and baked.id in message
    baked.ec2.deregister_image(ImageId=baked.id)
    baked.ec2.delete_snapshot(SnapshotId=root)
    assert root not in own_snapshots(baked.ec2)
    assert error_code(baked.ec2.delete_snapshot, SnapshotId=root) == "InvalidSnapshot.NotFound"


def test_snapshots_of_others_cannot_be_deleted(localstack, new_account, baked):
    """EC2 Developer Guide, "Error codes": InvalidSnapshot.NotFound."""
    baked.ec2.deregister_image(ImageId=baked.id)
    stranger = localstack.client("ec2", new_account())

    assert error_code(stranger.delete_snapshot, SnapshotId=baked.snapshot_ids[0]) == "InvalidSnapshot.NotFound"
    assert own_snapshots(baked.ec2) == set(baked.snapshot_ids)


@pytest.fixture
def failed_copies(baked):
    """Two copies of an image that failed, tagged with their attempt."""

    def copy(attempt: int) -> dict:
        tags = tag_list(ImageCopier=f"image-copier attempt={attempt}", Attempt=str(attempt))
        specifications = [{"ResourceType": kind, "Tags": tags} for kind in ("image", "snapshot")]
        key = {"Encrypted": True, "KmsKeyId": "alias/missing", "TagSpecifications": specifications}
        return settled_copy(baked.ec2, baked, **key)

    return [copy(1), copy(2)]


def snapshots_with(ec2, **filters: str) -> set[str]:
    """The account's snapshots that match all filters."""
    names = {"tag_key": "tag-key", "marker": "tag:ImageCopier", "attempt": "tag:Attempt"}
    given = [{"Name": names.get(name, name), "Values": [value]} for name, value in filters.items()]
    found = ec2.describe_snapshots(OwnerIds=["self"], Filters=given)["Snapshots"]
    return {snapshot["SnapshotId"] for snapshot in found}


def test_snapshots_of_a_failed_copy_are_deleted_with_it(baked, failed_copies):
    """EC2 API Reference, DeleteSnapshotReturnCode: success for a snapshot in the state error too."""
    first, _ = failed_copies
    of_first, of_second = (snapshots_with(baked.ec2, attempt=n, status="error") for n in "12")
    assert (first["State"], len(of_first), len(of_second)) == ("failed", 2, 2)

    answer = baked.ec2.deregister_image(ImageId=first["ImageId"], DeleteAssociatedSnapshots=True)

    results = {result["SnapshotId"]: result["ReturnCode"] for result in answer["DeleteSnapshotResults"]}
    assert results == dict.fromkeys(of_first, "success")
    assert own_snapshots(baked.ec2) == {*of_second, *baked.snapshot_ids}


def test_snapshots_left_by_a_failed_copy_are_found_and_deleted(baked, failed_copies):
    """EC2 API Reference, DescribeSnapshots: the filters tag:<key>, tag-key and status, with wildcards."""
    for copy in failed_copies:
        baked.ec2.deregister_image(ImageId=copy["ImageId"])
    left = own_snapshots(baked.ec2) - set(baked.snapshot_ids)

    assert len(left) == 4
    assert snapshots_with(baked.ec2, marker="image-copier *", status="error") == left
    assert snapshots_with(baked.ec2, tag_key="ImageC*", status="err?r") == left
    assert len(snapshots_with(baked.ec2, marker="image-copier attempt=1*")) == 2
    assert snapshots_with(baked.ec2, marker="image-copier") == set()
    assert snapshots_with(baked.ec2, marker="Image-copier *") == set()
    assert snapshots_with(baked.ec2, marker="image-copier *", status="completed") == set()
    assert snapshots_with(baked.ec2, status="completed") == set(baked.snapshot_ids)

    for snapshot_id in left:
        baked.ec2.delete_snapshot(SnapshotId=snapshot_id)
    assert own_snapshots(baked.ec2) == set(baked.snapshot_ids)


def test_snapshot_of_a_failed_copy_is_in_use_by_it(baked, failed_copies):
    """EC2 error code InvalidSnapshot.InUse: a failed image too has to be deregistered first."""
    for snapshot_id in snapshots_with(baked.ec2, status="error"):
        assert error_code(baked.ec2.delete_snapshot, SnapshotId=snapshot_id) == "InvalidSnapshot.InUse"


def test_copy_outlives_its_source(localstack, new_account, baked):
    """EC2 User Guide, "How Amazon EC2 AMI copy works": deregistering the source has no effect on the copy."""
    account = new_account()
    ec2 = localstack.client("ec2", account)
    copy = settled_copy(ec2, baked.share(account))

    baked.ec2.deregister_image(ImageId=baked.id, DeleteAssociatedSnapshots=True)

    assert image_of(ec2, copy["ImageId"])["State"] == "available"
    assert len(own_snapshots(ec2)) == 2
    request = {"Name": "copy", "SourceImageId": baked.id, "SourceRegion": REGION}
    assert error_code(ec2.copy_image, **request) == "InvalidAMIID.NotFound"


def test_disabled_image_is_deregistered_with_its_snapshots(baked):
    """EC2 User Guide, "Disable an Amazon EC2 AMI": until then its snapshots are in use."""
    baked.ec2.disable_image(ImageId=baked.id)
    assert error_code(baked.ec2.delete_snapshot, SnapshotId=baked.snapshot_ids[0]) == "InvalidSnapshot.InUse"

    answer = baked.ec2.deregister_image(ImageId=baked.id, DeleteAssociatedSnapshots=True)

    assert [result["ReturnCode"] for result in answer["DeleteSnapshotResults"]] == ["success", "success"]
    assert baked.ec2.describe_images(Owners=["self"], IncludeDisabled=True)["Images"] == []
    assert own_snapshots(baked.ec2) == set()


def test_pending_image_is_not_disabled(localstack, baked):
    """EC2 Developer Guide, "Error codes": InvalidAMIID.Unavailable."""
    with copies_take(localstack, 600):
        pending = copy_image(baked.ec2, baked)

    assert error_code(baked.ec2.disable_image, ImageId=pending) == "InvalidAMIID.Unavailable"
    assert error_code(baked.ec2.enable_image, ImageId=pending) == "InvalidAMIID.Unavailable"
    assert image_of(baked.ec2, pending)["State"] == "pending"
    assert end_copies(localstack, baked.account) == [pending]
    baked.ec2.disable_image(ImageId=pending)


def test_disabled_image_is_hidden_private_and_not_usable(localstack, new_account, baked):
    """EC2 API Reference, DisableImage and EnableImage; EC2 User Guide, "Disable an Amazon EC2 AMI"."""
    friend = new_account()
    baked.share(friend)
    friends = localstack.client("ec2", friend)
    assert error_code(friends.disable_image, ImageId=baked.id) == "AuthFailure"

    assert baked.ec2.disable_image(ImageId=baked.id)["Return"] is True

    assert baked.ec2.describe_images(Owners=["self"])["Images"] == []
    [disabled] = baked.ec2.describe_images(Owners=["self"], IncludeDisabled=True)["Images"]
    assert disabled["State"] == "disabled"
    assert error_code(friends.describe_images, ImageIds=[baked.id]) == "InvalidAMIID.NotFound"
    launch = {"ImageId": baked.id, "InstanceType": "t4g.micro", "MinCount": 1, "MaxCount": 1}
    copy = {"Name": "copy", "SourceImageId": baked.id, "SourceRegion": REGION}
    share = {"ImageId": baked.id, "LaunchPermission": {"Add": [{"UserId": friend}]}}
    assert error_code(baked.ec2.run_instances, **launch) == "InvalidAMIID.Unavailable"
    assert error_code(baked.ec2.copy_image, **copy) == "InvalidAMIID.Unavailable"
    assert error_code(baked.ec2.modify_image_attribute, **share) == "InvalidAMIID.Unavailable"

    assert baked.ec2.enable_image(ImageId=baked.id)["Return"] is True
    assert baked.describe()["State"] == "available"
    assert error_code(friends.describe_images, ImageIds=[baked.id]) == "InvalidAMIID.NotFound"
