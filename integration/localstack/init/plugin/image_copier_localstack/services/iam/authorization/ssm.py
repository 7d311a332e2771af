"""AWS Systems Manager: Parameter Store."""

from .kms import find_key, key_check
from .request import Check, Operations, Request, account_of, named, on_all, request_tags, tag_map

IMAGE = "aws:ec2:image"


def arn_of(request: Request, name: str) -> str:
    """A parameter's ARN has no second slash, and its name may be an ARN already."""
    return name if name.startswith("arn:") else request.arn("ssm", f"parameter/{name.strip('/')}")


def on_parameters(request: Request) -> list[Check]:
    params = request.params
    names = params.get("Names") or [params.get("Name") or params.get("Path") or params.get("ResourceId") or ""]
    context = request_tags(tag_map(params.get("Tags")))
    if request.operation == "PutParameter":
        context["ssm:Overwrite"] = str(bool(params.get("Overwrite"))).lower()
    if request.operation == "GetParametersByPath":
        context["ssm:Recursive"] = str(bool(params.get("Recursive"))).lower()
    arns = [arn_of(request, without_selector(name)) for name in names]
    return [Check(f"ssm:{request.operation}", arn, account_of(arn), context) for arn in arns]


def without_selector(name: str) -> str:
    """The name without a version or label (Systems Manager API Reference, GetParameter)."""
    return name if name.startswith("arn:") else name.split(":")[0]


def put_parameter(request: Request) -> list[Check]:
    """An image is looked up with the caller's rights ("Native parameter support for Amazon Machine Image IDs")."""
    asked = [*on_parameters(request), *encrypt(request)]
    if request.params.get("Tags"):
        asked.append(Check("ssm:AddTagsToResource", asked[0].resource, None, asked[0].context))
    if request.params.get("DataType") == IMAGE:
        asked.append(Check("ec2:DescribeImages", context={"ec2:Region": request.region, "aws:ViaAWSService": "true"}))
    return asked


def encrypt(request: Request) -> list[Check]:
    """A key that is named encrypts the value with the caller's rights; an advanced parameter has a data key of its own.

    Systems Manager User Guide, "AWS KMS encryption for AWS Systems Manager Parameter Store SecureString parameters".
    """
    params = request.params
    name = params.get("KeyId") if params.get("Type") == "SecureString" else None
    key = find_key(name, request.account, request.region) if name else None
    if key is None:
        return []
    through_ssm = {
        "aws:ViaAWSService": "true",
        "kms:EncryptionContextKeys": ["PARAMETER_ARN"],
        "kms:ViaService": f"ssm.{request.region}.amazonaws.com",
    }
    action = "GenerateDataKey" if params.get("Tier") == "Advanced" else "Encrypt"
    return [key_check(action, key, request.account, through_ssm)]


OPERATIONS: Operations = {
    "DescribeParameters": on_all("ssm"),
    "PutParameter": put_parameter,
    **named(
        """
        AddTagsToResource DeleteParameter DeleteParameters GetParameter GetParameterHistory GetParameters
        GetParametersByPath ListTagsForResource RemoveTagsFromResource
        """,
        on_parameters,
    ),
}
