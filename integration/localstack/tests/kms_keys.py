"""KMS keys that a test makes, and the ways to name them."""

from typing import Any


def create_key(kms: Any, alias: str | None = None, **options: Any) -> str:
    """A key's ARN."""
    arn = kms.create_key(**options)["KeyMetadata"]["Arn"]
    if alias:
        kms.create_alias(AliasName=alias, TargetKeyId=arn)
    return arn


def alias_arn(key_arn: str, alias: str) -> str:
    return f"{key_arn.rsplit(':', 1)[0]}:{alias}"


def aws_managed_key(kms: Any) -> str:
    """The ARN of the key that AWS makes for EBS."""
    return kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
