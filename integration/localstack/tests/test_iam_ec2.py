"""What EC2 asks of policies, and what keys ask of it (EC2 User Guide, "Permissions for copying an AMI")."""

import pytest
from ec2_images import (
    OTHER_REGION,
    REGION,
    BakedImage,
    bake_image,
    copy_image,
    create_snapshot,
    image_of,
    settled_copy,
    snapshots_of,
    tag_list,
    tags_of,
)
from identities import Identities, allow, denial, deny, document
from kms_keys import create_key, share_key
from plugin_routes import call, copies_take, end_copies

pytestmark = pytest.mark.usefixtures("quick_copies")

IMAGES, SNAPSHOTS = f"arn:aws:ec2:{REGION}::image/*", f"arn:aws:ec2:{REGION}::snapshot/*"
MARK = {"ImageCopier": "image-copier attempt=1"}
THROUGH_EC2 = {"StringLike": {"kms:ViaService": "ec2.*.amazonaws.com"}}
KEY_ACTIONS = [
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
]
GRANTS = {"Bool": {"kms:GrantIsForAWSResource": "true"}, **THROUGH_EC2}
COPY = {
    "DescribeImages": allow("ec2:DescribeImages"),
    "CopyImage": allow(
        "ec2:CopyImage",
        ["arn:aws:ec2:*::image/*", "arn:aws:ec2:*::snapshot/*"],
        Condition={"StringEquals": {"aws:RequestedRegion": REGION}},
    ),
    "CreateTags": allow(
        "ec2:CreateTags", [IMAGES, SNAPSHOTS], Condition={"StringEquals": {"ec2:CreateAction": "CopyImage"}}
    ),
    "use of keys": allow(KEY_ACTIONS, Condition=THROUGH_EC2),
    "grants": allow("kms:CreateGrant", Condition=GRANTS),
}
NOT_ACCESSIBLE = "Given key ID is not accessible"


@pytest.fixture
def source(localstack, new_account, here) -> BakedImage:
    return bake_image(localstack, new_account()).share(here.account)


@pytest.fixture
def here(localstack, new_account) -> Identities:
    return Identities(localstack, new_account())


@pytest.fixture
def key(here) -> str:
    return create_key(here.root("kms"))


def without(*names: str) -> list[dict]:
    return [statement for name, statement in COPY.items() if name not in names]


def copied(ec2, source: BakedImage, key: str, **options) -> dict:
    """A copy with its marks, once it is settled."""
    specifications = [{"ResourceType": kind, "Tags": tag_list(**MARK)} for kind in ("image", "snapshot")]
    request = {"Encrypted": True, "KmsKeyId": key, "TagSpecifications": specifications} | options
    return settled_copy(ec2, source, **request)


def denied(identity, operation: str, **request) -> tuple[str, str]:
    """What EC2 denied: the action and the resource."""
    code, message = denial(getattr(identity.client("ec2"), operation), **request)
    assert code == "UnauthorizedOperation"
    words = message.split(" is not authorized to perform: ")[1].split()
    assert words[1:4] == ["on", "resource:", words[3]]
    return words[0], words[3]


def copy_request(source: BakedImage, **options) -> dict:
    return {"Name": source.name, "SourceImageId": source.id, "SourceRegion": REGION} | options


def test_copy_with_what_it_needs(here, source, key):
    """The statements of the copier's own role."""
    copy = copied(here.role(*COPY.values()).client("ec2"), source, key)
    assert (copy["State"], copy["Tags"]) == ("available", tag_list(**MARK)), copy.get("StateReason")


def test_copy_needs_copy_image_on_the_source_the_image_and_its_snapshots(here, source):
    """Since October 2024 the source image is checked too."""
    of_source = f"arn:aws:ec2:{REGION}::image/{source.id}"
    worker = here.role()
    for resources, missing in (
        ([], of_source),
        ([of_source], IMAGES),
        ([of_source, IMAGES], SNAPSHOTS),
    ):
        if resources:
            policy = document(allow("ec2:CopyImage", resources))
            here.iam.put_role_policy(RoleName="worker", PolicyName="calls", PolicyDocument=policy)
        assert denied(worker, "copy_image", **copy_request(source)) == ("ec2:CopyImage", missing)


def test_copy_from_another_region(localstack, new_account, here):
    """The source's ARN is of its Region, the request is of the copy's."""
    source = bake_image(localstack, new_account(), region=OTHER_REGION).share(here.account)
    request = copy_request(source, SourceRegion=OTHER_REGION)
    worker = here.role(allow("ec2:CopyImage", [IMAGES, SNAPSHOTS]))
    assert denied(worker, "copy_image", **request) == (
        "ec2:CopyImage",
        f"arn:aws:ec2:{OTHER_REGION}::image/{source.id}",
    )
    copying = here.role(*COPY.values(), name="copying").client("ec2")
    assert settled_copy(copying, source)["State"] == "available"


def test_tags_of_a_copy_need_create_tags(here, source):
    worker = here.role(*without("CreateTags"))
    specification = {"ResourceType": "snapshot", "Tags": tag_list(**MARK)}
    request = copy_request(source, TagSpecifications=[specification])
    assert denied(worker, "copy_image", **request) == ("ec2:CreateTags", SNAPSHOTS)


def test_owner_of_the_source_is_known(here, source):
    """ec2:Owner is a key of the source, and whether the new image has it is not documented: here it has not."""
    trusted = {"StringNotEquals": {"ec2:Owner": [source.account]}, "Null": {"ec2:Owner": "false"}}
    worker = here.role(*COPY.values(), deny("ec2:CopyImage", Condition=trusted))
    own = bake_image(here.localstack, here.account, name="other")
    settled_copy(worker.client("ec2"), source)
    assert denied(worker, "copy_image", **copy_request(own)) == (
        "ec2:CopyImage",
        f"arn:aws:ec2:{REGION}::image/{own.id}",
    )


@pytest.mark.parametrize(
    "request_",
    [
        {"CreateVolumePermission": {"Add": [{"Group": "all"}]}},
        {"OperationType": "add", "GroupNames": ["all"], "Attribute": "createVolumePermission"},
    ],
)
def test_snapshots_can_be_kept_from_everybody(here, request_):
    """AWS Control Tower Controls Reference Guide, CT.EC2.PV.3: ec2:Add/group is a key where a group is added."""
    worker = here.role(allow("ec2:ModifySnapshotAttribute", Condition={"Null": {"ec2:Add/group": "true"}}))
    own = bake_image(here.localstack, here.account)
    snapshot_id = own.snapshot_ids[0]
    worker.client("ec2").modify_snapshot_attribute(
        SnapshotId=snapshot_id, CreateVolumePermission={"Add": [{"UserId": "222222222222"}]}
    )
    assert denied(worker, "modify_snapshot_attribute", SnapshotId=snapshot_id, **request_) == (
        "ec2:ModifySnapshotAttribute",
        f"arn:aws:ec2:{REGION}::snapshot/{snapshot_id}",
    )


def test_owner_of_the_source_is_in_an_organization_or_not(localstack, here, source):
    """IAM User Guide, "aws:ResourceAccount" and "aws:ResourceOrgID": the image's owner, not who copies it."""
    perimeter = {"StringNotEqualsIfExists": {"aws:ResourceOrgID": "o-a1b2c3d4e5"}}
    body = {"id": "o-a1b2c3d4e5"}
    assert call(localstack, "PUT", f"accounts/{here.account}/organization", body)[0] == 200
    worker = here.role(*COPY.values(), deny("ec2:CopyImage", Condition=perimeter))
    assert denied(worker, "copy_image", **copy_request(source)) == (
        "ec2:CopyImage",
        f"arn:aws:ec2:{REGION}::image/{source.id}",
    )
    assert call(localstack, "PUT", f"accounts/{source.account}/organization", body)[0] == 200
    settled_copy(worker.client("ec2"), source)


def test_tags_of_the_request_are_known(here, source):
    """IAM User Guide, "aws:RequestTag/tag-key" and "aws:TagKeys"."""
    only_mark = {"ForAllValues:StringEquals": {"aws:TagKeys": ["ImageCopier"]}}
    worker = here.role(*without("CreateTags"), allow("ec2:CreateTags", Condition=only_mark))

    def request(**tags: str) -> dict:
        return copy_request(source, TagSpecifications=[{"ResourceType": "image", "Tags": tag_list(**tags)}])

    worker.client("ec2").copy_image(**request(**MARK))
    assert denied(worker, "copy_image", **request(**MARK, Stage="PROD")) == ("ec2:CreateTags", IMAGES)


def test_tags_of_the_resource_limit_changes(here, source, key):
    """As settle-copy's role: it marks and removes what is marked, and nothing else."""
    root = here.root("ec2")
    marked, other = copied(root, source, key), settled_copy(root, source, Name="other")
    mine = {"StringLike": {"aws:ResourceTag/ImageCopier": "image-copier *"}}
    worker = here.role(allow(["ec2:CreateTags", "ec2:DeregisterImage", "ec2:DeleteSnapshot"], Condition=mine))
    ec2 = worker.client("ec2")
    foreign = f"arn:aws:ec2:{REGION}::image/{other['ImageId']}"
    foreign_snapshot = snapshots_of(root, other)[0]["SnapshotId"]

    tags = tag_list(Seen="yes")
    ids = [marked["ImageId"], other["ImageId"]]
    assert denied(worker, "create_tags", Resources=ids, Tags=tags) == ("ec2:CreateTags", foreign)
    assert "Seen" not in tags_of(image_of(root, marked["ImageId"]))
    ec2.create_tags(Resources=[marked["ImageId"]], Tags=tags)
    assert denied(worker, "deregister_image", ImageId=other["ImageId"]) == ("ec2:DeregisterImage", foreign)
    assert denied(worker, "delete_snapshot", SnapshotId=foreign_snapshot) == (
        "ec2:DeleteSnapshot",
        f"arn:aws:ec2:{REGION}::snapshot/{foreign_snapshot}",
    )
    snapshot_ids = [snapshot["SnapshotId"] for snapshot in snapshots_of(root, marked)]
    ec2.deregister_image(ImageId=marked["ImageId"])
    for snapshot_id in snapshot_ids:
        ec2.delete_snapshot(SnapshotId=snapshot_id)


@pytest.mark.parametrize(
    "operation, action",
    [("disable_image", "DisableImage"), ("enable_image", "EnableImage"), ("create_tags", "CreateTags")],
)
def test_tags_of_the_image_limit_its_end(here, source, key, operation, action):
    """Service Authorization Reference, Amazon EC2: aws:ResourceTag, and for tags aws:RequestTag and aws:TagKeys."""
    root = here.root("ec2")
    marked, other = copied(root, source, key), settled_copy(root, source, Name="other")
    mine = {"StringLike": {"aws:ResourceTag/ImageCopier": "image-copier *"}}
    new_mark = {
        "StringLike": {**mine["StringLike"], "aws:RequestTag/ImageCopier": "image-copier retired=*"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["ImageCopier"]},
    }
    condition = new_mark if operation == "create_tags" else mine
    worker = here.role(allow(f"ec2:{action}", IMAGES, Condition=condition))
    foreign = (f"ec2:{action}", f"arn:aws:ec2:{REGION}::image/{other['ImageId']}")

    def request(image: dict, **tags: str) -> dict:
        if operation != "create_tags":
            return {"ImageId": image["ImageId"]}
        return {
            "Resources": [image["ImageId"]],
            "Tags": tag_list(**(tags or {"ImageCopier": "image-copier retired=1"})),
        }

    assert denied(worker, operation, **request(other)) == foreign
    if operation == "create_tags":
        for tags in ({"ImageCopier": "image-copier attempt=1"}, {"Other": "yes"}):
            assert denied(worker, operation, **request(marked, **tags))[0] == "ec2:CreateTags"
    getattr(worker.client("ec2"), operation)(**request(marked))


@pytest.mark.parametrize("actions, expected", [([], "missing-permissions"), (["ec2:DeleteSnapshot"], "success")])
def test_snapshots_that_go_with_an_image(here, source, key, actions, expected):
    """EC2 API Reference, DeleteSnapshotReturnCode: the image goes, also where its snapshots must stay."""
    copy = copied(here.root("ec2"), source, key)
    worker = here.role(allow(["ec2:DeregisterImage", *actions]))
    answer = worker.client("ec2").deregister_image(ImageId=copy["ImageId"], DeleteAssociatedSnapshots=True)
    assert [result["ReturnCode"] for result in answer["DeleteSnapshotResults"]] == [expected, expected]
    left = here.root("ec2").describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert len(left) == (0 if actions else 2)


def test_dry_run_tells_what_is_denied(here, source):
    """EC2 API Reference, DryRun."""
    allowed, worker = here.role(*COPY.values(), name="allowed"), here.role()
    request = copy_request(source, DryRun=True)
    assert denial(allowed.client("ec2").copy_image, **request)[0] == "DryRunOperation"
    assert denied(worker, "copy_image", **request)[0] == "ec2:CopyImage"


@pytest.mark.parametrize(
    "statements",
    [
        without("use of keys"),
        without("grants"),
        [*without("grants"), allow("kms:CreateGrant", Condition={"Bool": {"kms:GrantIsForAWSResource": "false"}})],
        [*COPY.values(), deny("kms:Decrypt")],
    ],
)
def test_key_that_the_caller_may_not_use(here, source, key, statements):
    """EBS User Guide, "Copy an Amazon EBS snapshot": an image is answered, and it fails later."""
    copy = copied(here.role(*statements).client("ec2"), source, key)
    assert copy["State"] == "failed"
    assert NOT_ACCESSIBLE in copy["StateReason"]["Message"]


@pytest.mark.parametrize("service, expected", [("ec2", "available"), ("rds", "failed")])
def test_key_is_used_through_ec2(here, source, key, service, expected):
    """KMS Developer Guide, "kms:ViaService" and "kms:CallerAccount": the policy of the copier's own key."""
    through = {"kms:CallerAccount": here.account, "kms:ViaService": f"{service}.{REGION}.amazonaws.com"}
    administer = allow(["kms:PutKeyPolicy", "kms:Describe*"], Principal={"AWS": here.account})
    use = allow("kms:*", Principal="*", Condition={"StringEquals": through})
    kms = here.root("kms")
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(administer, use))
    worker = here.role(*without("use of keys", "grants"))
    assert copied(worker.client("ec2"), source, key)["State"] == expected
    # Not by itself.
    assert denial(worker.client("kms").describe_key, KeyId=key)[0] == "AccessDeniedException"


def test_key_that_aws_manages_is_everybody_s_of_the_account(here, source):
    """KMS Developer Guide, "AWS managed keys"; the role says nothing of keys."""
    worker = here.role(*without("use of keys", "grants"))
    assert copied(worker.client("ec2"), source, "alias/aws/ebs")["State"] == "available"


def test_key_of_another_account(localstack, new_account, here, source):
    """Its policy and the caller's have to allow it; the account itself is no exception."""
    kms = localstack.client("kms", new_account())
    foreign = create_key(kms)
    callers = [here.root("ec2"), here.role(*COPY.values()).client("ec2")]
    for ec2 in callers:
        copy = copied(ec2, source, foreign)
        assert copy["State"] == "failed"
        assert NOT_ACCESSIBLE in copy["StateReason"]["Message"]
        assert all(NOT_ACCESSIBLE in each["StateMessage"] for each in snapshots_of(here.root("ec2"), copy))

    share_key(kms, foreign, here.account)

    assert [copied(ec2, source, foreign)["State"] for ec2 in callers] == ["available", "available"]


@pytest.mark.parametrize("shared, expected", [(True, "available"), (False, "failed")])
def test_source_under_its_owner_s_key(localstack, new_account, here, key, shared, expected):
    """EBS User Guide, "Share the KMS key": the owner's key has to let the copier's account."""
    owner = new_account()
    kms = localstack.client("kms", owner)
    owners_key = create_key(kms)
    if shared:
        share_key(kms, owners_key, here.account)
    source = bake_image(localstack, owner, encrypted=True, key=owners_key).share(here.account)
    assert copied(here.role(*COPY.values()).client("ec2"), source, key)["State"] == expected


@pytest.mark.parametrize("taken", [*KEY_ACTIONS, "kms:CreateGrant"])
def test_source_under_its_owner_s_key_needs_each_action(localstack, new_account, here, key, taken):
    """EBS User Guide, "Share the KMS key": the six actions that its users must be granted; ReEncrypt stands for two."""
    owner = new_account()
    kms = localstack.client("kms", owner)
    owners_key = create_key(kms)
    share_key(kms, owners_key, here.account)
    source = bake_image(localstack, owner, encrypted=True, key=owners_key).share(here.account)
    left = [action for action in [*KEY_ACTIONS, "kms:CreateGrant"] if action != taken]
    worker = here.role(*without("use of keys", "grants"), allow("kms:*", key), allow(left, owners_key))
    assert copied(worker.client("ec2"), source, key)["State"] == "failed"


def test_policies_count_when_the_copy_is_made(localstack, here, source, key):
    ec2 = here.role(*COPY.values()).client("ec2")
    with copies_take(localstack, 600):
        image_id = copy_image(ec2, source, Encrypted=True, KmsKeyId=key)
    policy = document(deny("kms:*"))
    here.iam.put_role_policy(RoleName="worker", PolicyName="no", PolicyDocument=policy)
    assert end_copies(localstack, here.account) == [image_id]
    assert image_of(ec2, image_id)["State"] == "failed"


def test_key_whose_policy_the_emulator_does_not_know(here, source, key):
    """It is told where the copy fails: nobody waits for an answer."""
    condition = {"StringEqualsIfExists": {"aws:Mood": "good"}}
    administer = allow("kms:*", Principal={"AWS": here.account})
    use = deny("kms:Decrypt", Principal="*", Condition=condition)
    here.root("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=document(administer, use))
    copy = copied(here.root("ec2"), source, key)
    assert copy["State"] == "failed"
    assert "The condition key aws:Mood is not known to the emulator." in copy["StateReason"]["Message"]


@pytest.mark.parametrize(
    "condition, allowed",
    [({"StringNotEquals": {"ec2:Encrypted": "true"}}, False), ({"Bool": {"ec2:Encrypted": "false"}}, True)],
)
def test_organization_that_asks_for_encryption(localstack, here, source, key, condition, allowed):
    """A copy's request has no such key: a deny of all that is not `true` denies every copy. A volume's has it."""
    statements = [allow("*"), deny(["ec2:CopyImage", "ec2:CreateVolume"], Condition=condition)]
    body = {"id": "o-a1b2c3d4e5", "policies": [{"Version": "2012-10-17", "Statement": statements}]}
    assert call(localstack, "PUT", f"accounts/{here.account}/organization", body)[0] == 200
    ec2 = here.root("ec2")
    if allowed:
        assert copied(ec2, source, key)["State"] == "available"
    else:
        assert denial(ec2.copy_image, **copy_request(source))[0] == "UnauthorizedOperation"
    create_snapshot(ec2, encrypted=True)
    assert denial(ec2.create_volume, AvailabilityZone=f"{REGION}a", Size=8)[0] == "UnauthorizedOperation"


def test_parameters_that_name_an_image_look_it_up(here, source, key):
    """Systems Manager User Guide, "Native parameter support for Amazon Machine Image IDs"."""
    copy = copied(here.root("ec2"), source, key)
    request = {"Name": "/image", "Value": copy["ImageId"], "Type": "String", "DataType": "aws:ec2:image"}
    worker = here.role(allow("ssm:PutParameter"))
    code, message = denial(worker.client("ssm").put_parameter, **request)
    assert code == "AccessDeniedException"
    assert "ec2:DescribeImages" in message
    here.role(allow(["ssm:PutParameter", "ec2:DescribeImages"]), name="other").client("ssm").put_parameter(**request)
