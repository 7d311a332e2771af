"""KMS keys that a test makes, and the ways to name them."""

import json
from typing import Any


def create_key(kms: Any, alias: str | None = None, **options: Any) -> str:
    """A key's ARN."""
    arn = kms.create_key(**options)["KeyMetadata"]["Arn"]
    if alias:
        kms.create_alias(AliasName=alias, TargetKeyId=arn)
    return arn


def share_key(kms: Any, key_arn: str, *accounts: str) -> None:
    """Let other accounts use the key, and its own as before ("Allowing users in other accounts to use a KMS key")."""
    owner = key_arn.split(":")[4]
    statement = {"Effect": "Allow", "Principal": {"AWS": [owner, *accounts]}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    kms.put_key_policy(KeyId=key_arn, PolicyName="default", Policy=policy)


def alias_arn(key_arn: str, alias: str) -> str:
    return f"{key_arn.rsplit(':', 1)[0]}:{alias}"


def aws_managed_key(kms: Any) -> str:
    """The ARN of the key that AWS makes for EBS."""
    return kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
