"""The KMS keys that snapshots are encrypted with, from LocalStack's KMS."""

from localstack.aws.api import CommonServiceException, ServiceException
from localstack.services.kms.models import kms_stores
from localstack.services.kms.provider import KmsProvider

EBS_ALIAS = "alias/aws/ebs"
ARN_PARTS = 6


def default_key_arn(account: str, region: str) -> str:
    """The AWS managed key of EBS, made when it is first needed (KMS Developer Guide, "AWS managed keys")."""
    KmsProvider._create_alias_if_reserved_and_not_exists(account, region, EBS_ALIAS)
    return KmsProvider._get_kms_key(account, region, EBS_ALIAS).metadata["Arn"]


def is_aws_managed(key_arn: str, account: str, region: str) -> bool:
    """Whether it is the key that AWS made for EBS in this account and Region."""
    alias = kms_stores[account][region].aliases.get(EBS_ALIAS)
    return alias is not None and key_arn.endswith(f":key/{alias.metadata['TargetKeyId']}")


def usable_key_arn(key: str, account: str, region: str) -> str | None:
    """The ARN of an enabled symmetric key, or None if this account cannot use it from EC2 in this Region.

    `key` is a key id, key ARN, alias name or alias ARN; the key must be in the destination Region (EC2 API Reference,
    CopyImage, KmsKeyId). An ARN may name another account's key.
    """
    if key.startswith("arn:"):
        parts = key.split(":", ARN_PARTS - 1)
        if len(parts) != ARN_PARTS or parts[3] != region:
            return None
        account = parts[4]
    try:
        metadata = KmsProvider._get_kms_key(account, region, key).metadata
    except (ServiceException, CommonServiceException, ValueError):
        return None
    usable = metadata["KeyState"] == "Enabled" and metadata["KeySpec"] == "SYMMETRIC_DEFAULT"
    return metadata["Arn"] if usable else None
