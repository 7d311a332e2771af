"""AWS CloudFormation. What a stack makes is made with rights of LocalStack's own."""

from .request import Check, Operations, Request, named, on_all, on_resource, pass_role, request_tags, tag_map


def stack_arn(request: Request) -> str:
    name = request.params.get("StackName") or request.params.get("StackId") or "*"
    return name if name.startswith("arn:") else request.arn("cloudformation", f"stack/{name}/*")


def set_arn(request: Request) -> str:
    return request.arn("cloudformation", f"stackset/{request.params.get('StackSetName')}:*")


def change_stack(request: Request) -> list[Check]:
    context = request_tags(tag_map(request.params.get("Tags")))
    asked = Check(f"cloudformation:{request.operation}", stack_arn(request), None, context)
    return [asked, *pass_role(request.params.get("RoleARN"), "cloudformation")]


OPERATIONS: Operations = {
    **named("CreateStack DeleteStack UpdateStack CreateChangeSet", change_stack),
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
        CreateStackInstances CreateStackSet DeleteStackInstances DeleteStackSet DescribeStackSet ListStackInstances
        ListStackSetOperations UpdateStackSet
        """,
        on_resource("cloudformation", set_arn),
    ),
}
