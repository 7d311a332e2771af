"""What EC2 does with keys on its caller's behalf: the keys' policies and the caller's own decide on it.

EBS User Guide, "Requirements for Amazon EBS encryption" and "Share the KMS key"; KMS Developer Guide, "kms:ViaService".
"""

from moto.ec2.models.elastic_block_store import Snapshot

from ..iam.authorization.kms import find_key, key_check
from ..iam.callers import Caller

# The pages name kms:ReEncrypt, which policies know as two actions (Service Authorization Reference, "AWS KMS").
RE_ENCRYPT = ("ReEncryptFrom", "ReEncryptTo")
# On the key that a copy is encrypted under.
ENCRYPT = ("DescribeKey", "CreateGrant", "Decrypt", "GenerateDataKeyWithoutPlaintext", *RE_ENCRYPT)
# On the key that a source is encrypted under.
DECRYPT = (
    "DescribeKey",
    "CreateGrant",
    "Decrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    *RE_ENCRYPT,
)
WITHOUT_CONTEXT = ("DescribeKey", "CreateGrant")


def may_copy(caller: Caller, copy: Snapshot, source: Snapshot) -> bool:
    """Whether the caller may have the source decrypted and the copy encrypted."""
    return all(
        snapshot.kms_key_id is None or may_use(caller, snapshot, actions)
        for snapshot, actions in ((copy, ENCRYPT), (source, DECRYPT))
    )


def may_use(caller: Caller, snapshot: Snapshot, actions: tuple[str, ...]) -> bool:
    backend = snapshot.ec2_backend
    key = find_key(snapshot.kms_key_id, backend.account_id, backend.region_name)
    return key is not None and all(
        caller.decide(
            key_check(action, key, caller.principal.account, through_ec2(action, backend.region_name))
        ).allowed
        for action in actions
    )


def through_ec2(action: str, region: str) -> dict:
    """The condition keys of a call that EC2 makes, with the encryption context that it uses for volumes."""
    return {
        "aws:ViaAWSService": "true",
        "kms:ViaService": f"ec2.{region}.amazonaws.com",
        **({"kms:GrantIsForAWSResource": "true"} if action == "CreateGrant" else {}),
        **({} if action in WITHOUT_CONTEXT else {"kms:EncryptionContextKeys": ["aws:ebs:id"]}),
    }
