"""Amazon EC2. ARNs of images and snapshots hold no account."""

from collections.abc import Mapping
from dataclasses import replace

from moto.ec2.models import ec2_backends
from moto.ec2.models.amis import Ami
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

from ...ec2.accounts import permissions_of
from ...ec2.model import find_image, tags_seen
from ..conditions import Value
from .request import Check, NotMapped, Operations, Request, named, on_all, request_tags, resource_tags, tag_map

# By the prefix of an id: the type of resource in its ARN.
TYPES = {
    "ami": "image",
    "eni": "network-interface",
    "i": "instance",
    "lt": "launch-template",
    "sg": "security-group",
    "snap": "snapshot",
    "subnet": "subnet",
    "vol": "volume",
    "vpc": "vpc",
}
WITHOUT_ACCOUNT = ("image", "snapshot")


def arn_of(request: Request, kind: str, resource_id: str = "*", region: str | None = None) -> str:
    account = "" if kind in WITHOUT_ACCOUNT else None
    return request.arn("ec2", f"{kind}/{resource_id}", account=account, region=region)


def check(request: Request, action: str, arn: str = "*", context: Mapping[str, Value] | None = None) -> Check:
    return Check(f"ec2:{action}", arn, context={"ec2:Region": request.region, **(context or {})})


def image_of(request: Request, resource_id: str, region: str | None) -> Ami | None:
    """The image of this id, if the caller sees it."""
    region = region or request.region
    if not resource_id.startswith("ami-") or not is_region(region):
        return None
    return find_image(resource_id, request.account, region)


def owner_of(request: Request, resource_id: str, region: str | None = None) -> str | None:
    """An image that is shared is still its owner's (IAM User Guide, "aws:ResourceAccount")."""
    image = image_of(request, resource_id, region)
    return image.owner_id if image is not None else None


def is_region(name: str) -> bool:
    return name in {each.name for each in RegionsAndZonesBackend.regions}


def context_of(request: Request, resource_id: str, region: str | None = None) -> dict[str, Value]:
    """The condition keys of a resource that exists."""
    region = region or request.region
    if not is_region(region):
        return {}
    image = image_of(request, resource_id, region)
    if image is not None:
        tags = tags_seen(image, request.account)
        of_kind = {"ec2:ImageID": image.id, "ec2:Owner": image.owner_alias or image.owner_id}
    else:
        backend = ec2_backends[request.account][region]
        tags = backend.tags.get(resource_id, {})
        volume = backend.volumes.get(resource_id)
        of_kind = {"ec2:Encrypted": str(bool(volume.encrypted)).lower()} if volume is not None else {}
    return {**resource_tags(tags), **{f"ec2:ResourceTag/{key}": value for key, value in tags.items()}, **of_kind}


def existing(
    request: Request, resource_id: str, action: str | None = None, keys: Mapping[str, Value] | None = None
) -> Check:
    """What is asked about a resource that the request names."""
    kind = TYPES.get(resource_id.split("-")[0])
    if kind is None:
        raise NotMapped(f"ec2:{action or request.operation} on {resource_id}")
    context = {**context_of(request, resource_id), **(keys or {})}
    asked = check(request, action or request.operation, arn_of(request, kind, resource_id), context)
    return replace(asked, shared_by=owner_of(request, resource_id))


def specified_tags(request: Request) -> dict[str, dict[str, str]]:
    """The tags for what the request makes, by type of resource."""
    return {each["ResourceType"]: tag_map(each.get("Tags")) for each in request.params.get("TagSpecifications") or []}


def made(request: Request, *kinds: str) -> list[Check]:
    """What is asked about new resources: the operation itself, and CreateTags for those that get tags at once."""
    tags = specified_tags(request)
    asked = [
        check(request, request.operation, arn_of(request, kind), request_tags(tags.get(kind, {}))) for kind in kinds
    ]
    return asked + [
        check(
            request,
            "CreateTags",
            arn_of(request, kind),
            request_tags(tags[kind]) | {"ec2:CreateAction": request.operation},
        )
        for kind in kinds
        if tags.get(kind)
    ]


def on(member: str):
    """For operations on one resource that the request names."""
    return lambda request: [existing(request, request.params.get(member) or "")]


def copy_image(request: Request) -> list[Check]:
    """On the source, the new image and its snapshots (EC2 User Guide, "Permissions for copying an AMI").

    What the caller may do with keys is asked when the copy is made: see `services/ec2/settling.py`.
    """
    source_id, region = request.params.get("SourceImageId") or "", request.params.get("SourceRegion")
    context = context_of(request, source_id, region)
    arn = arn_of(request, "image", source_id, region)
    source = replace(check(request, "CopyImage", arn, context), shared_by=owner_of(request, source_id, region))
    # The Reference names no tags of the source as keys, and whether a new image has an owner yet is not documented.
    kept = {key: value for key, value in source.context.items() if key.startswith("ec2:") and "Tag/" not in key}
    return [replace(source, context=kept), *made(request, "image", "snapshot")]


def deregister_image(request: Request) -> list[Check]:
    """Snapshots that go with it are asked about one by one: see `services/ec2/changing.py`."""
    return [existing(request, request.params.get("ImageId") or "")]


def describe_image_references(request: Request) -> list[Check]:
    """All that the guide lists, with the service that asks for it (EC2 User Guide, "Required IAM permissions").

    Whether less is enough for some of the types is not documented.
    """
    through = {"aws:CalledVia": ["ec2-images.amazonaws.com"], "aws:ViaAWSService": "true"}
    behind = [
        *(check(request, action) for action in ("DescribeInstances", "DescribeLaunchTemplates")),
        check(request, "DescribeLaunchTemplateVersions"),
        Check("ssm:DescribeParameters"),
        Check("ssm:GetParameters", request.arn("ssm", "parameter/*")),
        *(Check(f"imagebuilder:{action}") for action in ("ListImageRecipes", "ListContainerRecipes")),
        Check("imagebuilder:GetContainerRecipe"),
    ]
    return [
        check(request, "DescribeImageReferences"),
        *(replace(each, context={**each.context, **through}) for each in behind),
    ]


def describe_launch_template_versions(request: Request) -> list[Check]:
    """A parameter that a template names is looked up with the caller's rights (EC2 API Reference, ResolveAlias)."""
    through = {"aws:ViaAWSService": "true"}
    asked = Check("ssm:GetParameters", request.arn("ssm", "parameter/*"), context=through)
    return [check(request, request.operation), *([asked] if request.params.get("ResolveAlias") else [])]


def change_tags(request: Request) -> list[Check]:
    tags = tag_map(request.params.get("Tags"))
    return [
        existing(request, resource_id, keys=request_tags(tags)) for resource_id in request.params.get("Resources") or []
    ]


def modify_snapshot_attribute(request: Request) -> list[Check]:
    """Whether everybody is to have the snapshot (AWS Control Tower Controls Reference Guide, CT.EC2.PV.3)."""
    added = permissions_of(request.params, "add", "CreateVolumePermission", {"Group": "GroupNames"})
    group = next((each["Group"] for each in added if "Group" in each), None)
    keys = {} if group is None else {"ec2:Add/group": group}
    return [existing(request, request.params.get("SnapshotId") or "", keys=keys)]


def register_image(request: Request) -> list[Check]:
    mappings = request.params.get("BlockDeviceMappings") or []
    snapshots = [each["Ebs"]["SnapshotId"] for each in mappings if "SnapshotId" in each.get("Ebs", {})]
    return [*made(request, "image"), *(existing(request, snapshot_id) for snapshot_id in snapshots)]


def create_image(request: Request) -> list[Check]:
    return [*made(request, "image", "snapshot"), existing(request, request.params.get("InstanceId") or "")]


def create_snapshot(request: Request) -> list[Check]:
    return [*made(request, "snapshot"), existing(request, request.params.get("VolumeId") or "")]


def create_volume(request: Request) -> list[Check]:
    snapshot_id = request.params.get("SnapshotId")
    encrypted = {"ec2:Encrypted": str(bool(request.params.get("Encrypted"))).lower()}
    asked = [replace(check, context={**check.context, **encrypted}) for check in made(request, "volume")]
    return [*asked, *([existing(request, snapshot_id)] if snapshot_id else [])]


OPERATIONS: Operations = {
    **named(
        """
        DescribeAccountAttributes DescribeAvailabilityZones DescribeFleets DescribeImages
        DescribeInstanceImageMetadata DescribeInstances DescribeLaunchTemplates DescribeRegions DescribeSnapshots
        DescribeSpotFleetRequests DescribeSpotInstanceRequests DescribeTags DescribeVolumes
        DisableAllowedImagesSettings DisableEbsEncryptionByDefault
        DisableSnapshotBlockPublicAccess EnableAllowedImagesSettings EnableEbsEncryptionByDefault
        EnableSnapshotBlockPublicAccess GetAllowedImagesSettings GetEbsDefaultKmsKeyId GetEbsEncryptionByDefault
        GetSnapshotBlockPublicAccessState ModifyEbsDefaultKmsKeyId ReplaceImageCriteriaInAllowedImagesSettings
        ResetEbsDefaultKmsKeyId
        """,
        on_all("ec2"),
    ),
    **named(
        """
        AttachImageWatermark DescribeImageAttribute DetachImageWatermark DisableImage DisableImageDeprecation
        DisableImageDeregistrationProtection EnableImage EnableImageDeprecation EnableImageDeregistrationProtection
        ModifyImageAttribute ResetImageAttribute
        """,
        on("ImageId"),
    ),
    **named("DeleteSnapshot DescribeSnapshotAttribute", on("SnapshotId")),
    "ModifySnapshotAttribute": modify_snapshot_attribute,
    "CopyImage": copy_image,
    "CreateImage": create_image,
    "CreateSnapshot": create_snapshot,
    "CreateTags": change_tags,
    "CreateVolume": create_volume,
    "DeleteTags": change_tags,
    "DeleteVolume": on("VolumeId"),
    "DeregisterImage": deregister_image,
    "DescribeImageReferences": describe_image_references,
    "DescribeLaunchTemplateVersions": describe_launch_template_versions,
    "RegisterImage": register_image,
}
