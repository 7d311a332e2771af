"""Amazon S3: the objects of a bucket, which its policy decides on too."""

import json

from localstack.services.s3.models import S3Bucket, s3_stores

from .request import Check, Operations, Request, named, store_of

# Names of buckets are known in all accounts and Regions.
ANY_ACCOUNT, ANY_REGION = "000000000000", "us-east-1"


def find_bucket(name: str) -> S3Bucket | None:
    owner = s3_stores[ANY_ACCOUNT][ANY_REGION].global_bucket_map.get(name)
    store = store_of(s3_stores, owner, ANY_REGION)
    return store.buckets.get(name) if store else None


def bucket_check(request: Request, action: str, name: str, key: str | None = None) -> Check:
    """What is asked about a bucket, or about an object in it. Their ARNs hold no account and no Region."""
    bucket = find_bucket(name)
    policy = bucket.policy if bucket else None
    return Check(
        f"s3:{action}",
        request.arn("s3", name if key is None else f"{name}/{key}", account="", region=""),
        bucket.bucket_account_id if bucket else None,
        policy=json.loads(policy) if policy else None,
    )


def get_object(request: Request) -> list[Check]:
    """A version that is named needs a right of its own (Amazon S3 API Reference, GetObject, "Permissions")."""
    params = request.params
    action = "GetObjectVersion" if params.get("VersionId") else "GetObject"
    return [bucket_check(request, action, params["Bucket"], params["Key"])]


def put_object(request: Request) -> list[Check]:
    """Tags need a right of their own (Amazon S3 API Reference, PutObject, "Permissions")."""
    params = request.params
    actions = ["PutObject", *(["PutObjectTagging"] if params.get("Tagging") else [])]
    return [bucket_check(request, action, params["Bucket"], params["Key"]) for action in actions]


def delete_object(request: Request) -> list[Check]:
    params = request.params
    action = "DeleteObjectVersion" if params.get("VersionId") else "DeleteObject"
    return [bucket_check(request, action, params["Bucket"], params["Key"])]


def list_bucket(request: Request) -> list[Check]:
    return [bucket_check(request, "ListBucket", request.params["Bucket"])]


def on_bucket(request: Request) -> list[Check]:
    return [bucket_check(request, request.operation, request.params["Bucket"])]


OPERATIONS: Operations = {
    "DeleteObject": delete_object,
    "PutObject": put_object,
    **named("GetObject HeadObject", get_object),
    **named("ListObjects ListObjectsV2", list_bucket),
    **named("DeleteBucketPolicy GetBucketPolicy PutBucketPolicy", on_bucket),
}
