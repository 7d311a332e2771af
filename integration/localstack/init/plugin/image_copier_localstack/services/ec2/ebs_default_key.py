"""The key that EBS encrypts with when a request names none (EC2 API Reference, GetEbsDefaultKmsKeyId)."""

from typing import Any

from . import keys
from .errors import ec2_error


def of(backend: Any) -> str:
    """The key that the account chose for this Region, or the one that AWS manages."""
    return backend.default_kms_key_id or keys.default_key_arn(backend.account_id, backend.region_name)


def change(backend: Any, key: str) -> str:
    """Choose a key; it is checked at once."""
    arn = keys.usable_key_arn(key, backend.account_id, backend.region_name)
    if arn is None:
        raise ec2_error("InvalidKmsKey.InvalidKeyId", f"The KMS key '{key}' is not an enabled key of this Region.")
    backend.default_kms_key_id = arn
    return arn


def reset(backend: Any) -> str:
    backend.default_kms_key_id = ""
    return of(backend)
