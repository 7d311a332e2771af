"""Tags given when a resource is made (EC2 User Guide, "Tag your Amazon EC2 resources")."""

from collections.abc import Collection

from .errors import ec2_error

SHARED_PREFIX = "ec2:SharedTag/"
RESERVED_PREFIX = "aws:"
MAX_TAGS = 50
MAX_KEY_LENGTH = 127
MAX_VALUE_LENGTH = 256

TagMap = dict[str, str]


def tags_on_create(specifications: list[dict], allowed: Collection[str]) -> dict[str, TagMap]:
    """The tags for each resource type, or the error that keeps the resource from being made."""
    result: dict[str, TagMap] = {}
    for specification in specifications:
        resource_type = specification.get("ResourceType")
        if resource_type not in allowed:
            raise ec2_error(
                "InvalidParameterValue",
                f"'{resource_type}' is not a valid taggable resource type for this operation.",
            )
        if resource_type in result:
            raise ec2_error(
                "InvalidParameterValue",
                "The same resource type may not be specified more than once in tag specifications.",
            )
        result[resource_type] = checked_tags(specification.get("Tags") or [])
        if resource_type != "image":
            require_no_shared(result[resource_type])
        require_room(result[resource_type])
    return result


def checked_tags(tags: list[dict], *, reserved_too: bool = False) -> TagMap:
    """Tags as a mapping, if EC2 takes each of them."""
    if not tags:
        raise ec2_error("InvalidParameterValue", "Tag specification must have at least one tag")
    result: TagMap = {}
    for tag in tags:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if not key:
            raise ec2_error("InvalidParameterValue", "Tag key cannot be empty.")
        if key.lower().startswith(RESERVED_PREFIX) and not reserved_too:
            message = f"Tag keys starting with '{RESERVED_PREFIX}' are reserved for internal use"
            raise ec2_error("InvalidParameterValue", message)
        if len(key) > MAX_KEY_LENGTH:
            raise ec2_error("InvalidParameterValue", f"Tag key exceeds the maximum length of {MAX_KEY_LENGTH}.")
        if len(value) > MAX_VALUE_LENGTH:
            raise ec2_error("InvalidParameterValue", f"Tag value exceeds the maximum length of {MAX_VALUE_LENGTH}.")
        if key in result:
            raise ec2_error("InvalidParameterValue", f"Duplicate tag key '{key}' specified.")
        result[key] = value
    return result


def require_no_shared(tags: TagMap) -> None:
    """Only an image's tags can be shared (EC2 User Guide, "Share tags of an AMI")."""
    if any(key.startswith(SHARED_PREFIX) for key in tags):
        message = f"Tag keys starting with '{SHARED_PREFIX}' are supported for images only"
        raise ec2_error("InvalidParameterValue", message)


def require_room(tags: TagMap) -> None:
    """50 tags a resource; those of AWS itself do not count."""
    if sum(not key.startswith(RESERVED_PREFIX) for key in tags) > MAX_TAGS:
        raise ec2_error("TagLimitExceeded", f"You have reached the maximum number of {MAX_TAGS} tags for a resource.")


def to_list(tags: TagMap) -> list[dict]:
    """Tags as EC2 answers them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
