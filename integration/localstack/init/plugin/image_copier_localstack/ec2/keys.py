"""The KMS keys that snapshots are encrypted with, from LocalStack's KMS."""

from localstack.aws.api import CommonServiceException, ServiceException
from localstack.services.kms.provider import KmsProvider

EBS_ALIAS = "alias/aws/ebs"


def default_key_arn(account: str, region: str) -> str:
    """The AWS managed key of EBS, made when it is first needed (KMS Developer Guide, "AWS managed keys")."""
    KmsProvider._create_alias_if_reserved_and_not_exists(account, region, EBS_ALIAS)
    return KmsProvider._get_kms_key(account, region, EBS_ALIAS).metadata["Arn"]


def usable_key_arn(key: str, account: str, region: str) -> str | None:
    """The ARN of an enabled key, or None if this account cannot use it from EC2 in this Region.

    `key` is a key id, key ARN, alias name or alias ARN; the key must be in the destination Region (EC2 API Reference,
    CopyImage, KmsKeyId). An ARN may name another account's key.
    """
    if key.startswith("arn:"):
        _, _, _, key_region, key_account, _ = key.split(":", 5)
        if key_region != region:
            return None
        account = key_account
    try:
        return KmsProvider._get_kms_key(account, region, key).metadata["Arn"]
    except (ServiceException, CommonServiceException, ValueError):
        return None
