"""Amazon CloudWatch Logs."""

from .request import Check, Operations, Request, account_of, named, request_tags, tag_map


def on_stream(request: Request) -> list[Check]:
    """A policy for a log group has to end in `:*` ("Overview of managing access permissions to CloudWatch Logs")."""
    params = request.params
    group = params.get("logGroupIdentifier") or params.get("logGroupName") or ""
    group = group.split(":log-group:")[-1].removesuffix(":*")
    arn = request.arn("logs", f"log-group:{group}:log-stream:{params.get('logStreamName') or ''}")
    return [Check(f"logs:{request.operation}", arn, None, request_tags(tag_map(params.get("tags"))))]


def create_group(request: Request) -> list[Check]:
    [asked] = on_stream(request)
    tagging = Check("logs:TagResource", asked.resource, None, asked.context)
    return [asked, *([tagging] if request.params.get("tags") else [])]


def on_tags(request: Request) -> list[Check]:
    """Operations on tags have the ARN of the group without `:*`."""
    arn = request.params.get("resourceArn") or ""
    context = request_tags(tag_map(request.params.get("tags")))
    return [Check(f"logs:{request.operation}", arn, account_of(arn), context)]


OPERATIONS: Operations = {
    "CreateLogGroup": create_group,
    **named("ListTagsForResource TagResource UntagResource", on_tags),
    **named(
        """
        CreateLogStream DeleteLogGroup DeleteLogStream DeleteRetentionPolicy DescribeLogGroups DescribeLogStreams
        FilterLogEvents GetLogEvents PutLogEvents PutRetentionPolicy
        """,
        on_stream,
    ),
}
