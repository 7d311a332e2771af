"""How a copy ends (EC2 API Reference, Image: State and StateReason; EBS User Guide, "Copy an Amazon EBS snapshot")."""

import pytest
from ec2_images import (
    OTHER_REGION,
    bake_image,
    copy_image,
    ebs_of,
    error_code,
    image_of,
    settled_copy,
    snapshots_of,
)
from kms_keys import alias_arn, create_key, share_key
from plugin_routes import copies_take, end_copies, fault

pytestmark = pytest.mark.usefixtures("quick_copies")

NOT_ACCESSIBLE = "Given key ID is not accessible"


@pytest.fixture
def account(new_account):
    return new_account()


@pytest.fixture
def source(localstack, new_account, account):
    return bake_image(localstack, new_account()).share(account)


@pytest.fixture
def target(localstack, account):
    return localstack.client("ec2", account)


@pytest.fixture
def kms(localstack, account):
    return localstack.client("kms", account)


def test_copy_is_pending_and_then_available(localstack, account, source, target):
    """CopyImage answers at once; the snapshots of a pending image are not shown by it."""
    with copies_take(localstack, 600):
        image_id = copy_image(target, source)
    pending = image_of(target, image_id)

    assert pending["State"] == "pending"
    assert "StateReason" not in pending
    assert [list(ebs) for ebs in ebs_of(pending).values() if "SnapshotId" in ebs] == []
    snapshots = target.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert [snapshot["State"] for snapshot in snapshots] == ["pending", "pending"]

    end_copies(localstack, account)
    available = image_of(target, image_id)
    assert available["State"] == "available"
    assert [snapshot["State"] for snapshot in snapshots_of(target, available)] == ["completed", "completed"]


def key_disabled(kms) -> str:
    key = create_key(kms)
    kms.disable_key(KeyId=key)
    return key


def key_pending_deletion(kms) -> str:
    key = create_key(kms)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    return key


def key_asymmetric(kms) -> str:
    return create_key(kms, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")


@pytest.mark.parametrize(
    "key",
    [
        key_disabled,
        key_pending_deletion,
        key_asymmetric,
        "0e1f2a3b-1111-2222-3333-444455556666",
        "alias/missing",
        "not-a-key",
        "arn:aws:kms:eu-west-1:111122223333:key/0e1f2a3b-1111-2222-3333-444455556666",
        "arn:aws:kms:eu-west-1:111122223333:alias/missing",
        "arn:aws:kms:eu-west-1::key/0e1f2a3b-1111-2222-3333-444455556666",
        "arn:aws:s3:::bucket",
        "arn:aws",
    ],
)
def test_key_is_validated_while_the_copy_is_made(source, target, kms, key):
    """EC2 API Reference, CopyImage, KmsKeyId: a bad key gives an image id, and the image fails later."""
    key = key if isinstance(key, str) else key(kms)

    copy = settled_copy(target, source, Encrypted=True, KmsKeyId=key)

    assert copy["State"] == "failed"
    assert copy["StateReason"]["Code"]
    assert NOT_ACCESSIBLE in copy["StateReason"]["Message"]
    snapshots = snapshots_of(target, copy)
    assert [snapshot["State"] for snapshot in snapshots] == ["error", "error"]
    assert all(NOT_ACCESSIBLE in snapshot["StateMessage"] for snapshot in snapshots)


def test_key_of_another_region_fails(localstack, account, source, target, kms):
    """EC2 API Reference, CopyImage, KmsKeyId: the key must be in the destination Region."""
    alias = "alias/copies"
    key = create_key(localstack.client("kms", account, OTHER_REGION), alias)
    create_key(kms, alias)

    for named in (key, alias_arn(key, alias)):
        assert settled_copy(target, source, Encrypted=True, KmsKeyId=named)["State"] == "failed", named


def test_key_that_is_disabled_meanwhile_fails(localstack, account, source, target, kms):
    """EBS User Guide, "Copy an Amazon EBS snapshot": the key is used while the copy is made."""
    key = create_key(kms)
    with copies_take(localstack, 600):
        image_id = copy_image(target, source, Encrypted=True, KmsKeyId=key)

    kms.disable_key(KeyId=key)

    end_copies(localstack, account)
    assert image_of(target, image_id)["State"] == "failed"


def test_source_whose_key_is_disabled_fails(localstack, new_account, account, target, kms):
    """EBS User Guide, "Share an Amazon EBS snapshot": the copying account needs the source's key too."""
    owner = new_account()
    owners_kms = localstack.client("kms", owner)
    key = create_key(owners_kms)
    share_key(owners_kms, key, account)
    source = bake_image(localstack, owner, encrypted=True, key=key).share(account)
    assert settled_copy(target, source)["State"] == "available"
    owners_kms.disable_key(KeyId=key)

    copy = settled_copy(target, source, Encrypted=True, KmsKeyId=create_key(kms))

    assert copy["State"] == "failed"


def test_failed_copy_stays_listed_until_deregistered(source, target):
    """EC2 API Reference, DescribeImages: the filter state."""
    copy = settled_copy(target, source, Encrypted=True, KmsKeyId="alias/missing")
    failed = [{"Name": "state", "Values": ["failed"]}]

    assert [i["ImageId"] for i in target.describe_images(Owners=["self"], Filters=failed)["Images"]] == [
        copy["ImageId"]
    ]
    code = error_code(target.run_instances, ImageId=copy["ImageId"], InstanceType="t4g.micro", MinCount=1, MaxCount=1)
    assert code == "InvalidAMIID.Unavailable"
    answer = target.deregister_image(ImageId=copy["ImageId"], DeleteAssociatedSnapshots=True)
    assert [result["ReturnCode"] for result in answer["DeleteSnapshotResults"]] == ["success", "success"]
    assert target.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []


def test_copy_fails_with_the_reason_of_a_fault(localstack, account, source, target):
    """EC2 API Reference, StateReason."""
    reason = {"code": "Client.InternalError", "message": "Copy image failed with an internal error"}

    with fault(localstack, kind="fail-copy", account=account, stateReason=reason):
        copy = settled_copy(target, source)

    assert copy["StateReason"] == {"Code": reason["code"], "Message": reason["message"]}
    assert {snapshot["StateMessage"] for snapshot in snapshots_of(target, copy)} == {reason["message"]}


def test_deregistering_stops_a_pending_copy(localstack, account, source, target):
    """EC2 User Guide, "Copy an Amazon EC2 AMI": a pending copy is stopped by deregistering it."""
    with copies_take(localstack, 600):
        image_id = copy_image(target, source)
    target.deregister_image(ImageId=image_id)

    end_copies(localstack, account)
    snapshots = target.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert [snapshot["State"] for snapshot in snapshots] == ["completed", "completed"]
    assert target.describe_images(Owners=["self"])["Images"] == []


def test_pending_image_cannot_be_shared(localstack, new_account, source, target):
    """EC2 Developer Guide, "Error codes": InvalidAMIID.Unavailable."""
    with copies_take(localstack, 600):
        image_id = copy_image(target, source)
    permission = {"Add": [{"UserId": new_account()}]}

    code = error_code(target.modify_image_attribute, ImageId=image_id, LaunchPermission=permission)

    assert code == "InvalidAMIID.Unavailable"
    target.deregister_image(ImageId=image_id)
