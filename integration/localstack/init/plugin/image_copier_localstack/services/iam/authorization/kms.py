"""AWS KMS. A key's own policy always takes part (KMS Developer Guide, "Key policies in AWS KMS")."""

import json
from collections.abc import Mapping

from localstack.aws.api import CommonServiceException, ServiceException
from localstack.services.kms.models import KmsKey
from localstack.services.kms.provider import KmsProvider

from ...ec2 import keys
from ..conditions import Value
from ..evaluation import ALLOW, Document
from .request import Check, Operations, Request, account_of, named, on_all, request_tags, tag_map


def find_key(key: str, account: str, region: str) -> KmsKey | None:
    """The key of an id, an alias or an ARN, in whatever state it is."""
    if key.startswith("arn:"):
        parts = key.split(":", 5)
        region, account = (parts[3], parts[4]) if len(parts) == 6 else (region, account)
    try:
        return KmsProvider._get_kms_key(account, region, key, any_key_state_allowed=True)
    except (ServiceException, CommonServiceException, ValueError):
        return None


def policy_of(key: KmsKey) -> Document:
    """The policy of a key; LocalStack gives AWS's own keys the one of a key that somebody made."""
    arn, account = key.metadata["Arn"], key.metadata["AWSAccountId"]
    region = arn.split(":")[3]
    if keys.is_aws_managed(arn, account, region):
        return ebs_key_policy(account, region)
    return json.loads(key.policy)


def ebs_key_policy(account: str, region: str) -> Document:
    """KMS Developer Guide, "kms:CallerAccount": all of the account through EC2, and its administrators may look."""
    use = ["Encrypt", "Decrypt", "ReEncrypt*", "GenerateDataKey*", "CreateGrant", "DescribeKey"]
    look = ["Describe*", "Get*", "List*", "RevokeGrant"]
    through_ec2 = {"kms:CallerAccount": account, "kms:ViaService": f"ec2.{region}.amazonaws.com"}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": ALLOW,
                "Principal": {"AWS": "*"},
                "Action": [f"kms:{each}" for each in use],
                "Resource": "*",
                "Condition": {"StringEquals": through_ec2},
            },
            {
                "Effect": ALLOW,
                "Principal": {"AWS": account},
                "Action": [f"kms:{each}" for each in look],
                "Resource": "*",
            },
        ],
    }


def key_check(action: str, key: KmsKey, caller_account: str, context: Mapping[str, Value] | None = None) -> Check:
    """What is asked about a key. AWS's own have no RCPs (Organizations User Guide, "Resource control policies")."""
    arn, account = key.metadata["Arn"], key.metadata["AWSAccountId"]
    return Check(
        f"kms:{action}",
        arn,
        account,
        {"kms:CallerAccount": caller_account, **(context or {})},
        policy_of(key),
        policy_required=True,
        resource_controlled=not keys.is_aws_managed(arn, account, arn.split(":")[3]),
    )


def key_checks(request: Request, action: str, name: str) -> list[Check]:
    key = find_key(name, request.account, request.region)
    params = request.params
    context = request_tags(tag_map(params.get("Tags"), "TagKey", "TagValue"))
    if params.get("EncryptionContext"):
        context["kms:EncryptionContextKeys"] = list(params["EncryptionContext"])
    if key is None:
        # There is no policy to ask. The service says that there is no such key, to those who may ask for it.
        arn = name if name.startswith("arn:") else request.arn("kms", f"key/{name}")
        return [Check(f"kms:{action}", arn, account_of(arn))]
    return [key_check(action, key, request.account, context)]


def on_key(request: Request) -> list[Check]:
    return key_checks(request, request.operation, request.params.get("KeyId") or "")


def on_alias(request: Request) -> list[Check]:
    """On the alias, which has no policy of its own, and on each key ("Controlling access to aliases")."""
    name = request.params.get("AliasName") or ""
    named_keys = [name] if request.operation in ("DeleteAlias", "UpdateAlias") else []
    named_keys += [request.params["TargetKeyId"]] if request.params.get("TargetKeyId") else []
    asked = [check for each in named_keys for check in key_checks(request, request.operation, each)]
    return [Check(f"kms:{request.operation}", request.arn("kms", name)), *asked]


def create_key(request: Request) -> list[Check]:
    tags = request_tags(tag_map(request.params.get("Tags"), "TagKey", "TagValue"))
    context = {"kms:CallerAccount": request.account, **tags}
    asked = ["CreateKey", *(["TagResource"] if tags else [])]
    return [Check(f"kms:{action}", context=context) for action in asked]


OPERATIONS: Operations = {
    "CreateKey": create_key,
    **named("ListAliases ListKeys", on_all("kms")),
    **named("CreateAlias DeleteAlias UpdateAlias", on_alias),
    **named(
        """
        CancelKeyDeletion CreateGrant Decrypt DescribeKey DisableKey DisableKeyRotation EnableKey EnableKeyRotation
        Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext GetKeyPolicy GetKeyRotationStatus ListGrants
        ListKeyPolicies ListResourceTags PutKeyPolicy ScheduleKeyDeletion TagResource UntagResource UpdateKeyDescription
        """,
        on_key,
    ),
}
