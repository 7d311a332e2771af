"""Which key encrypts a copy (EC2 User Guide, "Use encryption with EBS-backed AMIs")."""

import pytest
from ec2_images import (
    OTHER_REGION,
    REGION,
    bake_image,
    create_snapshot,
    ebs_of,
    error_code,
    settled_copy,
    snapshots_of,
)
from kms_keys import alias_arn, aws_managed_key, create_key, share_key

pytestmark = pytest.mark.usefixtures("quick_copies")

ALIAS = "alias/copies"


@pytest.fixture
def target(localstack, new_account):
    """EC2 and KMS of an account that images are shared with."""
    return Target(localstack, new_account())


class Target:
    def __init__(self, localstack, account: str, region: str = REGION) -> None:
        self.account = account
        self.ec2 = localstack.client("ec2", account, region)
        self.kms = localstack.client("kms", account, region)

    def keys_of_copy(self, source, **options) -> set[str | None]:
        """The key of each snapshot of a new copy; None is for one that is not encrypted."""
        copy = settled_copy(self.ec2, source, **options)
        assert copy["State"] == "available", copy.get("StateReason")
        snapshots = snapshots_of(self.ec2, copy)
        assert [ebs["Encrypted"] for ebs in ebs_of(copy).values()] == [s["Encrypted"] for s in snapshots]
        assert [s["Encrypted"] for s in snapshots] == ["KmsKeyId" in s for s in snapshots]
        return {snapshot.get("KmsKeyId") for snapshot in snapshots}


@pytest.fixture
def plain(localstack, new_account, target):
    """An image that is not encrypted."""
    return bake_image(localstack, new_account()).share(target.account)


@pytest.fixture
def foreign_encrypted(localstack, new_account, target):
    """An image that is encrypted under its owner's own key."""
    owner = new_account()
    kms = localstack.client("kms", owner)
    key = create_key(kms)
    share_key(kms, key, target.account)
    return bake_image(localstack, owner, encrypted=True, key=key).share(target.account)


def test_unencrypted_stays_unencrypted(plain, target):
    assert target.keys_of_copy(plain) == {None}


def test_encrypted_without_a_key_gives_the_default_key(plain, foreign_encrypted, target):
    assert target.keys_of_copy(plain, Encrypted=True) == {aws_managed_key(target.kms)}
    assert target.keys_of_copy(foreign_encrypted, Encrypted=True) == {aws_managed_key(target.kms)}


def test_encrypted_source_of_another_account_gets_the_default_key(foreign_encrypted, target):
    """An encrypted source never gives a copy that is not encrypted."""
    assert target.keys_of_copy(foreign_encrypted) == {aws_managed_key(target.kms)}
    assert target.keys_of_copy(foreign_encrypted, Encrypted=False) == {aws_managed_key(target.kms)}


@pytest.mark.parametrize("options", [{}, {"Encrypted": True}])
def test_own_encrypted_source_keeps_its_key(localstack, target, options):
    key = create_key(target.kms)
    own = bake_image(localstack, target.account, encrypted=True, key=key)

    assert target.keys_of_copy(own, **options) == {key}


def test_own_encrypted_source_gets_the_default_key_in_another_region(localstack, target):
    """A key is of one Region."""
    own = bake_image(localstack, target.account, encrypted=True, key=create_key(target.kms))
    there = Target(localstack, target.account, OTHER_REGION)

    assert there.keys_of_copy(own) == {aws_managed_key(there.kms)}


@pytest.mark.parametrize("naming", ["key id", "key ARN", "alias name", "alias ARN"])
def test_key_of_the_request_wins(plain, foreign_encrypted, target, naming):
    """EC2 API Reference, CopyImage: KmsKeyId is a key id, key ARN, alias name or alias ARN."""
    key = create_key(target.kms, ALIAS)
    named = {
        "key id": key.rsplit("/", 1)[1],
        "key ARN": key,
        "alias name": ALIAS,
        "alias ARN": alias_arn(key, ALIAS),
    }[naming]

    assert target.keys_of_copy(plain, Encrypted=True, KmsKeyId=named) == {key}
    assert target.keys_of_copy(foreign_encrypted, Encrypted=True, KmsKeyId=named) == {key}


def test_own_encrypted_source_changes_its_key(localstack, target):
    own = bake_image(localstack, target.account, encrypted=True, key=create_key(target.kms))
    key = create_key(target.kms)

    assert target.keys_of_copy(own, Encrypted=True, KmsKeyId=key) == {key}


def test_key_may_be_the_one_that_aws_manages(plain, target):
    """KMS Developer Guide, "AWS managed keys": made when it is first needed."""
    keys = target.keys_of_copy(plain, Encrypted=True, KmsKeyId="alias/aws/ebs")

    assert keys == {aws_managed_key(target.kms)}


@pytest.mark.parametrize("encrypted", [{}, {"Encrypted": False}])
def test_key_without_encrypted_is_rejected(plain, target, encrypted):
    """EC2 Developer Guide, "Error codes": InvalidParameterDependency."""
    request = {"Name": "copy", "SourceImageId": plain.id, "SourceRegion": REGION, "KmsKeyId": create_key(target.kms)}

    assert error_code(target.ec2.copy_image, **request, **encrypted) == "InvalidParameterDependency"


def test_encryption_by_default_encrypts_copies(plain, target):
    """EBS User Guide, "Enable Amazon EBS encryption by default"."""
    target.ec2.enable_ebs_encryption_by_default()

    assert target.keys_of_copy(plain) == {aws_managed_key(target.kms)}
    target.ec2.disable_ebs_encryption_by_default()
    assert target.keys_of_copy(plain) == {None}


def test_account_chooses_its_default_key(plain, target):
    """EC2 API Reference, ModifyEbsDefaultKmsKeyId, GetEbsDefaultKmsKeyId, ResetEbsDefaultKmsKeyId."""
    key = create_key(target.kms, ALIAS)

    assert target.ec2.modify_ebs_default_kms_key_id(KmsKeyId=ALIAS)["KmsKeyId"] == key
    assert target.ec2.get_ebs_default_kms_key_id()["KmsKeyId"] == key
    assert target.keys_of_copy(plain, Encrypted=True) == {key}
    assert target.ec2.reset_ebs_default_kms_key_id()["KmsKeyId"] == aws_managed_key(target.kms)
    assert target.keys_of_copy(plain, Encrypted=True) == {aws_managed_key(target.kms)}
    code = error_code(target.ec2.modify_ebs_default_kms_key_id, KmsKeyId="alias/missing")
    assert code == "InvalidKmsKey.InvalidKeyId"


def test_snapshots_and_volumes_keep_their_key(plain, target):
    """EBS User Guide, "Amazon EBS encryption": a snapshot has its volume's key, a volume that of its snapshot."""
    key = create_key(target.kms, ALIAS)
    copy = settled_copy(target.ec2, plain, Encrypted=True, KmsKeyId=ALIAS)
    root, _ = snapshots_of(target.ec2, copy)

    volume = target.ec2.create_volume(SnapshotId=root["SnapshotId"], AvailabilityZone=f"{REGION}a")
    assert (volume["Encrypted"], volume["KmsKeyId"]) == (True, key)
    again = target.ec2.create_snapshot(VolumeId=volume["VolumeId"])["SnapshotId"]

    [snapshot] = target.ec2.describe_snapshots(SnapshotIds=[again])["Snapshots"]
    assert (snapshot["Encrypted"], snapshot["KmsKeyId"]) == (True, key)


def test_snapshots_under_the_aws_managed_key_cannot_be_shared(localstack, new_account, target):
    """EBS User Guide, "Share an Amazon EBS snapshot"; EC2 User Guide, "Share an AMI with specific AWS accounts"."""
    ec2, permission = target.ec2, {"Add": [{"UserId": new_account()}]}
    snapshot_id = create_snapshot(ec2, encrypted=True)
    own = bake_image(localstack, target.account, encrypted=True)

    code = error_code(ec2.modify_snapshot_attribute, SnapshotId=snapshot_id, CreateVolumePermission=permission)
    assert code == "OperationNotPermitted"
    assert error_code(ec2.modify_image_attribute, ImageId=own.id, LaunchPermission=permission) == "InvalidParameter"
