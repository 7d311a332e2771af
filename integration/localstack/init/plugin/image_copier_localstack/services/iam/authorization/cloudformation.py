"""AWS CloudFormation. What a stack makes is made with rights of LocalStack's own."""

from urllib.parse import urlparse

from localstack.services.s3.utils import extract_bucket_name_and_key_from_headers_and_path

from .request import Check, Operations, Request, named, on_all, on_resource, pass_role, request_tags, tag_map
from .s3 import bucket_check


def stack_arn(request: Request) -> str:
    name = request.params.get("StackName") or request.params.get("StackId") or "*"
    return name if name.startswith("arn:") else request.arn("cloudformation", f"stack/{name}/*")


def set_arn(request: Request) -> str:
    return request.arn("cloudformation", f"stackset/{request.params.get('StackSetName')}:*")


def change_stack(request: Request) -> list[Check]:
    context = request_tags(tag_map(request.params.get("Tags")))
    asked = Check(f"cloudformation:{request.operation}", stack_arn(request), None, context)
    return [asked, *template(request), *pass_role(request.params.get("RoleARN"), "cloudformation")]


def change_set_of_stacks(request: Request) -> list[Check]:
    return [*on_resource("cloudformation", set_arn)(request), *template(request)]


def template(request: Request) -> list[Check]:
    """Who names a template in a bucket has to be able to read it (CloudFormation API Reference, CreateStack)."""
    url = urlparse(request.params.get("TemplateURL") or "")
    if not url.netloc:
        return []
    bucket, key = extract_bucket_name_and_key_from_headers_and_path({"host": url.netloc}, url.path)
    return [bucket_check(request, "GetObject", bucket, key)] if bucket and key else []


OPERATIONS: Operations = {
    **named("CreateStack DeleteStack UpdateStack CreateChangeSet", change_stack),
    **named("CreateStackSet UpdateStackSet", change_set_of_stacks),
    **named("ListStacks ListStackSets ValidateTemplate", on_all("cloudformation")),
    **named(
        """
        DescribeChangeSet DescribeStackEvents DescribeStackResource DescribeStackResources DescribeStacks
        ExecuteChangeSet GetTemplate GetTemplateSummary ListStackResources
        """,
        on_resource("cloudformation", stack_arn),
    ),
    **named(
        """
        CreateStackInstances DeleteStackInstances DeleteStackSet DescribeStackSet ListStackInstances
        ListStackSetOperations
        """,
        on_resource("cloudformation", set_arn),
    ),
}
