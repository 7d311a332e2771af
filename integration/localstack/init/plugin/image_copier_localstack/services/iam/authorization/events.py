"""Amazon EventBridge."""

import json

from localstack.services.events.models import events_stores

from .request import Check, Operations, Request, account_of, named, on_all, pass_role, request_tags, store_of, tag_map

DEFAULT = "default"


def on_rule(request: Request) -> list[Check]:
    """Rules of other buses than the default one have its name in theirs."""
    params = request.params
    if arn := params.get("ResourceARN"):
        return [Check(f"events:{request.operation}", arn, account_of(arn), request_tags(tag_map(params.get("Tags"))))]
    bus = bus_name(params.get("EventBusName"))
    name = params.get("Name") or params.get("Rule") or ""
    arn = request.arn("events", f"rule/{name}" if bus == DEFAULT else f"rule/{bus}/{name}")
    context = request_tags(tag_map(params.get("Tags")))
    if request.operation == "PutTargets":
        context["events:TargetArn"] = [target["Arn"] for target in params.get("Targets") or []]
    return [Check(f"events:{request.operation}", arn, None, context)]


def bus_name(named_as: str | None) -> str:
    """A bus is named, or its ARN is given."""
    return (named_as or DEFAULT).rsplit("/", 1)[-1]


def put_rule(request: Request) -> list[Check]:
    [asked] = on_rule(request)
    tagging = [Check("events:TagResource", asked.resource, None, asked.context)] if request.params.get("Tags") else []
    return [asked, *tagging, *pass_role(request.params.get("RoleArn"), "events")]


def put_targets(request: Request) -> list[Check]:
    roles = [target.get("RoleArn") for target in request.params.get("Targets") or []]
    return [*on_rule(request), *(check for role in roles for check in pass_role(role, "events"))]


def put_events(request: Request) -> list[Check]:
    """On each bus, with the sources and the detail types of all that is put on it: both keys are arrays."""
    entries = request.params.get("Entries") or []
    asked = []
    for bus in sorted({entry.get("EventBusName") or DEFAULT for entry in entries}):
        there = [entry for entry in entries if (entry.get("EventBusName") or DEFAULT) == bus]
        arn = bus if bus.startswith("arn:") else request.arn("events", f"event-bus/{bus}")
        context = {
            "events:source": sorted({entry["Source"] for entry in there if entry.get("Source")}),
            "events:detail-type": sorted({entry["DetailType"] for entry in there if entry.get("DetailType")}),
            "events:eventBusInvocation": "false",
        }
        asked.append(Check("events:PutEvents", arn, account_of(arn), context, policy_of(arn)))
    return asked


def policy_of(bus_arn: str) -> dict | None:
    parts = bus_arn.split(":", 5)
    if len(parts) < 6:
        return None
    _, _, _, region, account, resource = parts
    store = store_of(events_stores, account, region)
    bus = store.event_buses.get(bus_name(resource)) if store else None
    return json.loads(json.dumps(bus.policy)) if bus and bus.policy else None


OPERATIONS: Operations = {
    "ListRules": on_all("events"),
    "PutEvents": put_events,
    "PutRule": put_rule,
    "PutTargets": put_targets,
    **named(
        """
        DeleteRule DescribeRule DisableRule EnableRule ListTagsForResource ListTargetsByRule RemoveTargets TagResource
        UntagResource
        """,
        on_rule,
    ),
}
