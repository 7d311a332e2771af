"""Who sees, launches and copies an image (EC2 User Guide, "Understand shared AMI usage in Amazon EC2")."""

import pytest
from ec2_images import (
    REGION,
    bake_image,
    error_code,
    image_of,
    rejection,
)
from plugin_routes import call


@pytest.fixture
def accounts(localstack, new_account):
    """An image's owner, an account that it is shared with, and a stranger."""
    owner, friend, stranger = (new_account() for _ in range(3))
    return Accounts(localstack, owner, friend, stranger)


class Accounts:
    def __init__(self, localstack, owner: str, friend: str, stranger: str) -> None:
        self.localstack = localstack
        self.owner, self.friend, self.stranger = owner, friend, stranger
        self.friend_ec2 = localstack.client("ec2", friend)
        self.stranger_ec2 = localstack.client("ec2", stranger)

    def bake(self, **options):
        return bake_image(self.localstack, self.owner, **options)


def ids(answer: dict) -> list[str]:
    return [image["ImageId"] for image in answer["Images"]]


def test_strangers_image_is_not_there(accounts):
    """EC2 Developer Guide, "Error codes": InvalidAMIID.NotFound."""
    baked = accounts.bake()
    ec2 = accounts.stranger_ec2

    code, status, message = rejection(ec2.describe_images, ImageIds=[baked.id])
    assert (code, status) == ("InvalidAMIID.NotFound", 400)
    assert baked.id in message
    assert ids(ec2.describe_images(Owners=[accounts.owner])) == []
    assert ids(ec2.describe_images(Filters=[{"Name": "image-id", "Values": [baked.id]}])) == []


def test_malformed_image_id_is_rejected(accounts):
    """EC2 Developer Guide, "Error codes": InvalidAMIID.Malformed."""
    for malformed in ("golden", "ami-1", "ami-zzzzzzzz"):
        assert error_code(accounts.friend_ec2.describe_images, ImageIds=[malformed]) == "InvalidAMIID.Malformed"


def test_account_with_launch_permission_sees_the_image(accounts):
    """EC2 User Guide, "Share an AMI with specific AWS accounts"."""
    shared = accounts.bake().share(accounts.friend)
    private = accounts.bake(name="private")
    ec2 = accounts.friend_ec2

    image = image_of(ec2, shared.id)

    assert (image["OwnerId"], image["Public"]) == (accounts.owner, False)
    assert [device["DeviceName"] for device in image["BlockDeviceMappings"]] == ["/dev/xvda", "/dev/sdf", "/dev/sdb"]
    assert ids(ec2.describe_images(Owners=[accounts.owner])) == [shared.id]
    assert ids(ec2.describe_images(Owners=["self"])) == []
    assert ids(ec2.describe_images(ExecutableUsers=["self"])) == [shared.id]
    assert sorted(ids(shared.ec2.describe_images(Owners=["self"]))) == sorted([shared.id, private.id])
    assert error_code(accounts.stranger_ec2.describe_images, ImageIds=[shared.id]) == "InvalidAMIID.NotFound"


def test_own_images_are_not_explicitly_executable(accounts):
    """EC2 API Reference, DescribeImages: ExecutableUsers asks for explicit launch permissions."""
    baked = accounts.bake()

    assert ids(baked.ec2.describe_images(ExecutableUsers=["self"])) == []


def test_public_image_is_seen_by_all(accounts):
    """EC2 User Guide, "Make your AMI publicly available for use in Amazon EC2"."""
    baked = accounts.bake()

    baked.ec2.modify_image_attribute(ImageId=baked.id, OperationType="add", UserGroups=["all"])

    assert image_of(accounts.stranger_ec2, baked.id)["Public"] is True
    assert ids(accounts.stranger_ec2.describe_images(ExecutableUsers=["all"], Owners=[accounts.owner])) == [baked.id]


def share_with(baked, **permission: str) -> None:
    baked.ec2.modify_image_attribute(ImageId=baked.id, LaunchPermission={"Add": [permission]})


def test_accounts_of_an_organization_see_what_is_shared_with_it(accounts, organization, localstack):
    """EC2 User Guide, "Share an AMI with organizations and organizational units"."""
    baked = accounts.bake()
    member = organization.create_account(organization.below)

    share_with(baked, OrganizationArn=organization.own_arn)

    for account in (member, organization.account):
        assert image_of(localstack.client("ec2", account), baked.id)["OwnerId"] == accounts.owner
    assert error_code(accounts.stranger_ec2.describe_images, ImageIds=[baked.id]) == "InvalidAMIID.NotFound"


def test_accounts_below_a_unit_see_what_is_shared_with_it(accounts, organization, localstack):
    """The same page: "All of the OUs and accounts that are nested underneath that top-level OU also have access"."""
    baked = accounts.bake()
    inside, nested = (organization.create_account(unit) for unit in (organization.unit, organization.below))
    outside = organization.create_account(organization.other)

    share_with(baked, OrganizationalUnitArn=organization.arn(organization.unit))

    for account in (inside, nested):
        assert image_of(localstack.client("ec2", account), baked.id)["OwnerId"] == accounts.owner
    for account in (outside, organization.account):
        ec2 = localstack.client("ec2", account)
        assert error_code(ec2.describe_images, ImageIds=[baked.id]) == "InvalidAMIID.NotFound"


def test_sharing_with_an_organization_lets_nobody_copy_the_snapshots(accounts, organization, localstack):
    """EC2 API Reference, CreateVolumePermission has no member for organizations; CopyImage needs the snapshots."""
    baked = accounts.bake()
    member = organization.create_account(organization.unit)
    ec2 = localstack.client("ec2", member)
    share_with(baked, OrganizationArn=organization.own_arn)
    copy = {"SourceImageId": baked.id, "SourceRegion": REGION, "Name": "copy"}

    code = error_code(ec2.copy_image, **copy)
    for snapshot_id in baked.snapshot_ids:
        permission = {"Add": [{"UserId": member}]}
        baked.ec2.modify_snapshot_attribute(SnapshotId=snapshot_id, CreateVolumePermission=permission)

    assert code == "InvalidRequest"
    assert ec2.copy_image(**copy)["ImageId"].startswith("ami-")


def test_listing_for_self_has_what_an_organization_was_given(accounts, organization, localstack):
    """EC2 API Reference, DescribeImages, ExecutableUsers: an account id in place of `self` leaves organizations out."""
    baked = accounts.bake()
    member = organization.create_account(organization.unit)
    share_with(baked, OrganizationArn=organization.own_arn)
    ec2 = localstack.client("ec2", member)

    assert ids(ec2.describe_images(ExecutableUsers=["self"])) == [baked.id]
    assert ids(ec2.describe_images(ExecutableUsers=[member])) == []


def test_image_is_hidden_from_an_account_that_leaves_the_organization(accounts, organization, localstack):
    baked = accounts.bake()
    member = organization.create_account(organization.unit)
    ec2 = localstack.client("ec2", member)
    share_with(baked, OrganizationArn=organization.own_arn)
    assert image_of(ec2, baked.id)["Public"] is False

    organization.client.remove_account_from_organization(AccountId=member)

    assert error_code(ec2.describe_images, ImageIds=[baked.id]) == "InvalidAMIID.NotFound"


def test_account_of_an_organization_by_the_route_sees_what_is_shared_with_it(accounts, localstack):
    """The route that puts an account into an organization knows no units."""
    baked = accounts.bake()
    call(localstack, "PUT", f"accounts/{accounts.friend}/organization", {"id": "o-0123456789"})

    share_with(baked, OrganizationArn=f"arn:aws:organizations::{accounts.owner}:organization/o-0123456789")

    assert image_of(accounts.friend_ec2, baked.id)["OwnerId"] == accounts.owner
    assert error_code(accounts.stranger_ec2.describe_images, ImageIds=[baked.id]) == "InvalidAMIID.NotFound"


def test_sharing_ends(accounts):
    """EC2 API Reference, ModifyImageAttribute: Remove."""
    baked = accounts.bake().share(accounts.friend)
    permission = [{"UserId": accounts.friend}]

    baked.ec2.modify_image_attribute(ImageId=baked.id, LaunchPermission={"Remove": permission})

    assert error_code(accounts.friend_ec2.describe_images, ImageIds=[baked.id]) == "InvalidAMIID.NotFound"


def test_owner_reads_launch_permissions(accounts):
    """EC2 API Reference, DescribeImageAttribute: the structured and the flat form of adding are the same."""
    baked = accounts.bake().share(accounts.friend)

    baked.ec2.modify_image_attribute(
        ImageId=baked.id, OperationType="add", UserIds=[accounts.stranger, accounts.friend]
    )

    answer = baked.ec2.describe_image_attribute(ImageId=baked.id, Attribute="launchPermission")
    assert answer["LaunchPermissions"] == [{"UserId": accounts.friend}, {"UserId": accounts.stranger}]


def test_only_the_owner_reads_and_changes_attributes(accounts):
    """EC2 Developer Guide, "Error codes": AuthFailure for a shared image, InvalidAMIID.NotFound for a hidden one."""
    baked = accounts.bake().share(accounts.friend)
    change = {"ImageId": baked.id, "LaunchPermission": {"Add": [{"UserId": accounts.stranger}]}}
    question = {"ImageId": baked.id, "Attribute": "launchPermission"}

    for ec2, code in ((accounts.friend_ec2, "AuthFailure"), (accounts.stranger_ec2, "InvalidAMIID.NotFound")):
        assert error_code(ec2.modify_image_attribute, **change) == code
        assert error_code(ec2.describe_image_attribute, **question) == code
    answer = baked.ec2.describe_image_attribute(**question)
    assert answer["LaunchPermissions"] == [{"UserId": accounts.friend}]


def test_bad_account_id_is_rejected_and_nothing_is_added(accounts):
    """EC2 Developer Guide, "Error codes": InvalidAMIAttributeItemValue."""
    baked = accounts.bake()
    snapshot_id = baked.snapshot_ids[0]
    permission = {"Add": [{"UserId": accounts.friend}, {"UserId": "12"}]}

    image_code = error_code(baked.ec2.modify_image_attribute, ImageId=baked.id, LaunchPermission=permission)
    snapshot_code = error_code(
        baked.ec2.modify_snapshot_attribute, SnapshotId=snapshot_id, CreateVolumePermission=permission
    )

    assert (image_code, snapshot_code) == ("InvalidAMIAttributeItemValue", "InvalidAMIAttributeItemValue")
    assert error_code(accounts.friend_ec2.describe_images, ImageIds=[baked.id]) == "InvalidAMIID.NotFound"
    assert error_code(accounts.friend_ec2.describe_snapshots, SnapshotIds=[snapshot_id]) == "InvalidSnapshot.NotFound"


def test_description_can_be_changed(accounts):
    """EC2 API Reference, ModifyImageAttribute: Description."""
    baked = accounts.bake()

    baked.ec2.modify_image_attribute(ImageId=baked.id, Description={"Value": "patched"})

    assert baked.describe()["Description"] == "patched"


def test_snapshots_are_shared_apart_from_the_image(accounts):
    """EBS User Guide, "Share an Amazon EBS snapshot": createVolumePermission."""
    baked = accounts.bake()
    first, second = baked.snapshot_ids
    baked.share(accounts.friend, snapshot_ids=[first])
    ec2 = accounts.friend_ec2

    [snapshot] = ec2.describe_snapshots(SnapshotIds=[first])["Snapshots"]
    assert (snapshot["OwnerId"], snapshot["VolumeSize"], snapshot["State"]) == (accounts.owner, 8, "completed")
    assert error_code(ec2.describe_snapshots, SnapshotIds=[second]) == "InvalidSnapshot.NotFound"
    listed = ec2.describe_snapshots(OwnerIds=[accounts.owner])["Snapshots"]
    assert [snapshot["SnapshotId"] for snapshot in listed] == [first]
    attribute = baked.ec2.describe_snapshot_attribute(SnapshotId=first, Attribute="createVolumePermission")
    assert attribute["CreateVolumePermissions"] == [{"UserId": accounts.friend}]


def test_adding_and_removing_are_not_mixed(accounts):
    """EC2 API Reference, ModifySnapshotAttribute."""
    baked = accounts.bake()
    both = {"Add": [{"UserId": accounts.friend}], "Remove": [{"UserId": accounts.stranger}]}

    code = error_code(
        baked.ec2.modify_snapshot_attribute, SnapshotId=baked.snapshot_ids[0], CreateVolumePermission=both
    )

    assert code == "InvalidParameterCombination"


def test_volume_of_a_shared_snapshot(accounts):
    """EBS User Guide, "Share an Amazon EBS snapshot": recipients create volumes of it."""
    baked = accounts.bake().share(accounts.friend)
    request = {"SnapshotId": baked.snapshot_ids[1], "AvailabilityZone": f"{REGION}a"}

    volume = accounts.friend_ec2.create_volume(**request)

    assert (volume["Size"], volume["SnapshotId"]) == (20, baked.snapshot_ids[1])
    assert error_code(accounts.stranger_ec2.create_volume, **request) == "InvalidSnapshot.NotFound"


def test_snapshots_are_public_unless_that_is_blocked(accounts):
    """EBS User Guide, "Block public access for snapshots": for all, and not for accounts that are named."""
    baked = accounts.bake()
    public, private = baked.snapshot_ids
    ec2, everybody = baked.ec2, {"Add": [{"Group": "all"}]}
    share = {"SnapshotId": private, "CreateVolumePermission": everybody}
    seen = {"SnapshotIds": [public]}
    assert ec2.get_snapshot_block_public_access_state()["State"] == "unblocked"
    ec2.modify_snapshot_attribute(SnapshotId=public, CreateVolumePermission=everybody)
    for state, visible in (("block-all-sharing", False), ("block-new-sharing", True)):
        assert ec2.enable_snapshot_block_public_access(State=state)["State"] == state
        assert error_code(ec2.modify_snapshot_attribute, **share) == "OperationNotPermitted"
        if visible:
            accounts.stranger_ec2.describe_snapshots(**seen)
        else:
            assert error_code(accounts.stranger_ec2.describe_snapshots, **seen) == "InvalidSnapshot.NotFound"
        baked.share(accounts.friend)
        accounts.friend_ec2.describe_snapshots(SnapshotIds=[private])
    assert error_code(ec2.enable_snapshot_block_public_access, State="on") == "InvalidParameterValue"
    assert ec2.disable_snapshot_block_public_access()["State"] == "unblocked"
    ec2.modify_snapshot_attribute(**share)
