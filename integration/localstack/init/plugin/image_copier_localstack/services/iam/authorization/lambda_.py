"""AWS Lambda."""

from collections.abc import Mapping
from dataclasses import asdict

from localstack.services.lambda_.api_utils import function_locators_from_arn
from localstack.services.lambda_.invocation.models import lambda_stores
from moto.ec2.models import ec2_backends

from ..conditions import Value
from ..evaluation import Document
from .request import Check, Operations, Request, account_of, named, on_all, pass_role, request_tags, store_of, tag_map
from .s3 import bucket_check

LATEST = "$LATEST"


def on_function(request: Request, action: str | None = None, **keys: Value) -> list[Check]:
    """By name, partial ARN or ARN, with a version or alias or without."""
    params = request.params
    named_as = params.get("FunctionName") or params.get("Resource") or ""
    name, qualifier, account, region = function_locators_from_arn(named_as)
    account, region = account or request.account, region or request.region
    qualifier = params.get("Qualifier") or qualifier
    resource = f"function:{name or named_as}" + (f":{qualifier}" if qualifier else "")
    return [
        Check(
            f"lambda:{action or request.operation}",
            request.arn("lambda", resource, account=account, region=region),
            account,
            {**request_tags(tag_map(params.get("Tags"))), **keys},
            policy_of(account, region, name, qualifier or LATEST),
        )
    ]


def policy_of(account: str, region: str, name: str | None, qualifier: str) -> Document | None:
    """The policy of a function, or of one of its versions and aliases."""
    store = store_of(lambda_stores, account, region)
    function = store.functions.get(name) if store else None
    permissions = function.permissions.get(qualifier) if function else None
    return asdict(permissions.policy) if permissions else None


def create_function(request: Request) -> list[Check]:
    tagging = on_function(request, "TagResource") if request.params.get("Tags") else []
    signing = request.params.get("CodeSigningConfigArn")
    keys = {**network(request), **({"lambda:CodeSigningConfigArn": signing} if signing else {})}
    return [
        *on_function(request, **keys),
        *tagging,
        *pass_role(request.params.get("Role"), "lambda"),
        *code_of(request, request.params.get("Code") or {}),
    ]


def update_code(request: Request) -> list[Check]:
    return [*on_function(request), *code_of(request, request.params)]


def code_of(request: Request, code: Mapping[str, str]) -> list[Check]:
    """Lambda reads a zip in S3 with the rights of who names it (Lambda API Reference, FunctionCode)."""
    bucket, key = code.get("S3Bucket"), code.get("S3Key")
    action = "GetObjectVersion" if code.get("S3ObjectVersion") else "GetObject"
    return [bucket_check(request, action, bucket, key)] if bucket and key else []


def network(request: Request) -> dict[str, Value]:
    """The keys by which organizations ask for a VPC."""
    vpc = request.params.get("VpcConfig") or {}
    subnets, groups = vpc.get("SubnetIds") or [], vpc.get("SecurityGroupIds") or []
    if not subnets:
        return {}
    backend = ec2_backends[request.account][request.region]
    vpcs = sorted({backend.get_subnet(subnet).vpc_id for subnet in subnets})
    return {"lambda:SubnetIds": subnets, "lambda:SecurityGroupIds": groups, "lambda:VpcIds": vpcs}


def update_configuration(request: Request) -> list[Check]:
    return [*on_function(request, **network(request)), *pass_role(request.params.get("Role"), "lambda")]


def add_permission(request: Request) -> list[Check]:
    return on_function(request, **{"lambda:Principal": request.params.get("Principal") or ""})


def function_arn(request: Request) -> dict[str, Value]:
    """The key by which policies limit mappings to a function."""
    if request.params.get("FunctionName"):
        return {"lambda:FunctionArn": on_function(request)[0].resource}
    mapping = lambda_stores[request.account][request.region].event_source_mappings.get(request.params.get("UUID"))
    return {"lambda:FunctionArn": mapping["FunctionArn"]} if mapping else {}


def on_all_mappings(request: Request) -> list[Check]:
    return [Check(f"lambda:{request.operation}", context=function_arn(request))]


def create_mapping(request: Request) -> list[Check]:
    """A mapping has no name before it is made (Lambda Developer Guide, "Using tags on event source mappings")."""
    tags = request_tags(tag_map(request.params.get("Tags")))
    arn = request.arn("lambda", "event-source-mapping:*")
    return [*on_all_mappings(request), *([Check("lambda:TagResource", arn, None, tags)] if tags else [])]


def on_mapping(request: Request) -> list[Check]:
    arn = request.arn("lambda", f"event-source-mapping:{request.params.get('UUID')}")
    return [Check(f"lambda:{request.operation}", arn, None, function_arn(request))]


def on_tags(request: Request) -> list[Check]:
    resource = request.params.get("Resource") or ""
    if ":event-source-mapping:" not in resource:
        return on_function(request)
    return [Check(f"lambda:{request.operation}", resource, account_of(resource))]


def invoke(request: Request) -> list[Check]:
    return on_function(request, "InvokeFunction")


OPERATIONS: Operations = {
    "AddPermission": add_permission,
    "CreateEventSourceMapping": create_mapping,
    "CreateFunction": create_function,
    "Invoke": invoke,
    "UpdateFunctionCode": update_code,
    "UpdateFunctionConfiguration": update_configuration,
    **named("GetAccountSettings ListEventSourceMappings ListFunctions", on_all("lambda")),
    **named("DeleteEventSourceMapping GetEventSourceMapping UpdateEventSourceMapping", on_mapping),
    **named("ListTags TagResource UntagResource", on_tags),
    **named(
        """
        DeleteFunction DeleteFunctionConcurrency GetFunction GetFunctionCodeSigningConfig GetFunctionConcurrency
        GetFunctionConfiguration GetFunctionEventInvokeConfig GetPolicy ListAliases ListVersionsByFunction
        PublishVersion PutFunctionConcurrency RemovePermission
        """,
        on_function,
    ),
}
