"""CopyImage (EC2 API Reference, CopyImage; EC2 User Guide, "How Amazon EC2 AMI copy works")."""

import pytest
from ec2_images import (
    OTHER_REGION,
    REGION,
    bake_image,
    copy_image,
    ebs_of,
    error_code,
    image_of,
    rejection,
    settled,
    settled_copy,
    snapshots_of,
    tag_list,
)
from plugin_routes import copies_take

pytestmark = pytest.mark.usefixtures("quick_copies")


@pytest.fixture
def source(localstack, new_account):
    return bake_image(localstack, new_account(), Description="golden image")


@pytest.fixture
def target(localstack, new_account, source):
    """EC2 in an account that the source is shared with."""
    account = new_account()
    source.share(account)
    return localstack.client("ec2", account)


def own_images(ec2) -> list[dict]:
    return ec2.describe_images(Owners=["self"])["Images"]


def test_copy_belongs_to_the_account_that_made_it(source, target):
    """How AMI copy works: the copy has an owner, an id and snapshots of its own."""
    copy = settled_copy(target, source, Name="copy", Description="copied")

    assert copy["State"] == "available"
    assert copy["ImageId"] != source.id
    assert copy["OwnerId"] != source.account
    assert (copy["Name"], copy["Description"]) == ("copy", "copied")
    snapshots = snapshots_of(target, copy)
    assert [snapshot["State"] for snapshot in snapshots] == ["completed", "completed"]
    assert {snapshot["OwnerId"] for snapshot in snapshots} == {copy["OwnerId"]}
    assert not {snapshot["SnapshotId"] for snapshot in snapshots} & set(source.snapshot_ids)


def test_copy_keeps_the_attributes_and_devices_of_the_source(source, target):
    """How AMI copy works: root device, sizes, device names, instance store devices."""
    copy, original = settled_copy(target, source), source.describe()

    for member in ("Architecture", "VirtualizationType", "RootDeviceName", "RootDeviceType"):
        assert copy[member] == original[member], member
    assert [d["DeviceName"] for d in copy["BlockDeviceMappings"]] == ["/dev/xvda", "/dev/sdf", "/dev/sdb"]
    assert copy["BlockDeviceMappings"][2] == {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"}
    for name, ebs in ebs_of(original).items():
        for member in ("VolumeSize", "VolumeType", "DeleteOnTermination"):
            assert ebs_of(copy)[name][member] == ebs[member], (name, member)
    assert [snapshot["VolumeSize"] for snapshot in snapshots_of(target, copy)] == [8, 20]


def test_launch_permissions_are_not_copied(source, target):
    """EC2 User Guide, "Copy an Amazon EC2 AMI": launch permissions are not copied from the source."""
    copy = settled_copy(target, source)

    answer = target.describe_image_attribute(ImageId=copy["ImageId"], Attribute="launchPermission")
    assert answer.get("LaunchPermissions", []) == []
    assert error_code(source.ec2.describe_images, ImageIds=[copy["ImageId"]]) == "InvalidAMIID.NotFound"


def test_description_is_not_taken_from_the_source(source, target):
    """EC2 API Reference, CopyImage: Description is for the new image."""
    assert "Description" not in settled_copy(target, source)
    assert error_code(target.copy_image, **request(source, Description="d" * 256)) == "InvalidParameterValue"
    assert settled_copy(target, source, Description="d" * 255)["Description"] == "d" * 255


def test_description_is_ascii(source, target):
    """github.com/metadist/synaplan, pull 1546 (CreateImage); github.com/wendylabsinc/WendyOS-Builder, pull 56."""
    dash = "weekly \u2014 ubuntu"
    modify = source.ec2.modify_image_attribute

    assert error_code(target.copy_image, **request(source, Description=dash)) == "InvalidParameterValue"
    assert error_code(modify, ImageId=source.id, Description={"Value": dash}) == "InvalidParameterValue"
    assert own_images(target) == []


def request(source, **options) -> dict:
    return {"Name": "copy", "SourceImageId": source.id, "SourceRegion": REGION} | options


def test_copies_may_have_the_same_name(source, target):
    """Only CreateImage and RegisterImage ask for a name that is new (EC2 API Reference)."""
    first, second = copy_image(target, source), copy_image(target, source)

    assert first != second
    assert {image["Name"] for image in own_images(target)} == {source.name}
    assert len(own_images(target)) == 2


@pytest.mark.parametrize("name", ["ab", "n" * 129, "golden*", "golden:1"])
def test_rejects_a_bad_name(source, target, name):
    """EC2 Developer Guide, "Error codes": InvalidAMIName.Malformed."""
    assert error_code(target.copy_image, **request(source, Name=name)) == "InvalidAMIName.Malformed"


@pytest.mark.parametrize("name", ["abc", "n" * 128, "a-b_c.d/e(1)[2] '@"])
def test_takes_every_allowed_name(source, target, name):
    """EC2 API Reference, CreateImage: 3 to 128 of letters, digits and ()[] ./-'@_."""
    assert settled_copy(target, source, Name=name)["Name"] == name


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"SourceImageId": "ami-1"}, "InvalidAMIID.Malformed"),
        ({"SourceImageId": "golden"}, "InvalidAMIID.Malformed"),
        ({"SourceImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"SourceRegion": "eu-nowhere-1"}, "InvalidRegion"),
        ({"SourceRegion": OTHER_REGION}, "InvalidAMIID.NotFound"),
        ({"SourceRegion": ""}, "MissingParameter"),
    ],
)
def test_rejects_a_source_that_is_not_there(source, target, bad, code):
    """EC2 Developer Guide, "Error codes"."""
    assert rejection(target.copy_image, **request(source, **bad))[:2] == (code, 400)
    assert own_images(target) == []


def test_dry_run_copies_nothing(source, target):
    """EC2 API Reference, CopyImage: DryRun."""
    assert rejection(target.copy_image, **request(source, DryRun=True))[:2] == ("DryRunOperation", 412)
    assert own_images(target) == []


def test_copies_from_another_region(localstack, new_account, source):
    """EC2 API Reference, CopyImage: the call goes to the destination Region and names the source's."""
    account = new_account()
    source.share(account)
    ec2 = localstack.client("ec2", account, OTHER_REGION)

    copy = settled_copy(ec2, source)

    assert (copy["State"], copy["SourceImageRegion"]) == ("available", REGION)
    assert len(snapshots_of(ec2, copy)) == 2
    assert own_images(localstack.client("ec2", account)) == []


def test_image_that_is_not_shared_is_not_found(localstack, new_account, source):
    """EC2 Developer Guide, "Error codes": InvalidAMIID.NotFound."""
    stranger = localstack.client("ec2", new_account())

    assert rejection(stranger.copy_image, **request(source))[:2] == ("InvalidAMIID.NotFound", 400)


@pytest.mark.parametrize("shared_snapshots", [0, 1])
def test_each_snapshot_must_be_shared_too(localstack, new_account, source, shared_snapshots):
    """How AMI copy works: the owner must grant access to the storage behind the image."""
    account = new_account()
    source.share(account, snapshot_ids=source.snapshot_ids[:shared_snapshots])
    ec2 = localstack.client("ec2", account)

    answer = rejection(ec2.copy_image, **request(source))

    assert answer == ("InvalidRequest", 400, "You do not have permission to access the storage of this ami")
    source.share(account)
    assert settled_copy(ec2, source)["State"] == "available"


def test_source_that_is_pending_is_unavailable(localstack, source, target):
    """EC2 Developer Guide, "Error codes": InvalidAMIID.Unavailable."""
    with copies_take(localstack, 600):
        pending = copy_image(target, source)
    assert image_of(target, pending)["State"] == "pending"

    code = error_code(target.copy_image, Name="copy", SourceImageId=pending, SourceRegion=REGION)

    assert code == "InvalidAMIID.Unavailable"
    target.deregister_image(ImageId=pending)


def test_own_images_are_copied_without_sharing(localstack, source):
    """How AMI copy works: the owner needs no permission."""
    ec2 = localstack.client("ec2", source.account, OTHER_REGION)

    assert settled_copy(ec2, source)["State"] == "available"


def test_ancestry_outlives_the_source(source, target):
    """EC2 User Guide, "View AMI ancestry": source image and Region stay when the source is deregistered."""
    copy = settled_copy(target, source)
    source.ec2.deregister_image(ImageId=source.id)

    for image in (image_of(target, copy["ImageId"]), copy):
        assert (image["SourceImageId"], image["SourceImageRegion"]) == (source.id, REGION)
    assert found(target, **{"source-image-id": source.id, "source-image-region": REGION}) == [copy["ImageId"]]
    assert found(target, **{"source-image-id": "ami-0123456789abcdef0"}) == []
    assert found(target, **{"source-image-id": source.id, "source-image-region": OTHER_REGION}) == []


def found(ec2, **filters: str) -> list[str]:
    conditions = [{"Name": name, "Values": [value]} for name, value in filters.items()]
    return [image["ImageId"] for image in ec2.describe_images(Owners=["self"], Filters=conditions)["Images"]]


def test_copies_can_be_filtered_by_state(localstack, source, target):
    """EC2 API Reference, DescribeImages: the filter state."""
    copy = settled_copy(target, source)
    with copies_take(localstack, 600):
        pending = copy_image(target, source)

    assert found(target, state="available") == [copy["ImageId"]]
    assert found(target, state="pending") == [pending]
    target.deregister_image(ImageId=pending)


def test_copies_can_be_tagged_and_made_into_volumes(source, target):
    """EC2 API Reference, CreateTags and CreateVolume."""
    copy = settled_copy(target, source)
    [_, data] = snapshots_of(target, copy)

    target.create_tags(Resources=[copy["ImageId"], data["SnapshotId"]], Tags=tag_list(Tested="yes"))
    volume = target.create_volume(SnapshotId=data["SnapshotId"], AvailabilityZone=f"{REGION}a")

    assert image_of(target, copy["ImageId"])["Tags"] == tag_list(Tested="yes")
    assert (volume["Size"], volume["SnapshotId"], volume["Encrypted"]) == (20, data["SnapshotId"], False)


def test_amazons_images_can_be_copied(localstack, new_account):
    """EC2 User Guide, "Copy an Amazon EC2 AMI": public images that Amazon provides too."""
    ec2 = localstack.client("ec2", new_account())
    public = ec2.describe_images(Owners=["amazon"])["Images"][0]

    image_id = ec2.copy_image(Name="copy", SourceImageId=public["ImageId"], SourceRegion=REGION)["ImageId"]

    copy = settled(ec2, image_id)
    assert (copy["State"], copy["SourceImageId"]) == ("available", public["ImageId"])
    assert len(snapshots_of(ec2, copy)) == 1
