"""EC2 Fleets and Spot Fleets: what they launch, and what they show of it.

moto launches the latest version of a template, whatever a fleet says, with all overrides at once; it does not show the
templates of a Spot Fleet, and knows no pages.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from localstack.utils.patch import patch
from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.fleets import Fleet
from moto.ec2.models.spot_requests import SpotFleetLaunchSpec, SpotFleetRequest
from moto.ec2.responses import EC2Response
from moto.ec2.utils import convert_tag_spec

from . import listing
from .errors import ec2_error

LOG = logging.getLogger(__name__)

# Where a fleet names attributes instead: some type that may have them.
ANY_TYPE = "m5.large"


def specifications(backend: Any, configs: list[dict]) -> Iterator[dict[str, Any]]:
    """What each template in its version launches, with each of its overrides (EC2 API Reference, CreateFleet)."""
    for config in configs:
        named = config["LaunchTemplateSpecification"]
        template = (
            backend.get_launch_template(named["LaunchTemplateId"])
            if "LaunchTemplateId" in named
            else backend.get_launch_template_by_name(named["LaunchTemplateName"])
        )
        version = template.get_version(named.get("Version") or "$Default")
        for override in config.get("Overrides") or [{}]:
            yield {**version.data, **override}


def launch_spec(data: dict[str, Any], tags: dict[str, str]) -> SpotFleetLaunchSpec:
    """moto's form of what is launched."""
    by_type = convert_tag_spec(data.get("TagSpecifications") or [])
    return SpotFleetLaunchSpec(
        ebs_optimized=data.get("EbsOptimized"),
        group_set=[],
        iam_instance_profile=None,
        image_id=data.get("ImageId"),
        instance_type=data.get("InstanceType") or ANY_TYPE,
        key_name=data.get("KeyName"),
        monitoring=False,
        spot_price=data.get("SpotPrice") or data.get("MaxPrice"),
        subnet_id=data.get("SubnetId"),
        tag_specifications={**by_type, "instance": {**by_type.get("instance", {}), **tags}},
        user_data=data.get("UserData"),
        weighted_capacity=data.get("WeightedCapacity") or 1,
    )


def launch(original: Callable, fleet: Fleet | SpotFleetRequest, capacity: float) -> None:
    """A fleet of no capacity launches nothing; and what cannot be launched is no error of the fleet."""
    if capacity <= 0:
        return
    try:
        original(fleet, capacity)
    except EC2ClientError as problem:
        LOG.info("The fleet %s launches nothing: %s", fleet.id, problem)


def terminate(original: Callable, fleet: Fleet | SpotFleetRequest) -> None:
    """moto rejects to end a fleet that runs nothing."""
    instances = [request.instance for request in fleet.spot_requests]
    instances += [each["instance"] for each in getattr(fleet, "on_demand_instances", [])]
    if any(instance.state != "terminated" for instance in instances):
        original(fleet)


def shown_fleets(fleets: list[Fleet], params: dict, filters: dict[str, list[str]]) -> list[Fleet]:
    """Fleets of the type `instant` are shown by their ids alone (EC2 API Reference, DescribeFleets)."""
    for name in filters:
        if name not in ("fleet-state", "type"):
            raise ec2_error("InvalidParameterValue", f"The filter '{name}' is invalid")
    return [
        fleet
        for fleet in fleets
        if (params.get("FleetIds") or fleet.fleet_type != "instant")
        and fleet.state in filters.get("fleet-state", [fleet.state])
        and fleet.fleet_type in filters.get("type", [fleet.fleet_type])
    ]


def described(request: SpotFleetRequest) -> dict[str, Any]:
    """EC2 API Reference, SpotFleetRequestConfig: what was asked for, and what became of it."""
    config = {
        "AllocationStrategy": request.allocation_strategy,
        "FulfilledCapacity": request.fulfilled_capacity,
        "IamFleetRole": request.iam_fleet_role,
        "LaunchSpecifications": request.launch_specifications,
        "LaunchTemplateConfigs": request.launch_template_configs,
        "SpotPrice": request.spot_price,
        "TargetCapacity": request.target_capacity,
    }
    tags = request.tags.get("spot-fleet-request", {})
    return {
        "SpotFleetRequestConfig": {name: value for name, value in config.items() if value is not None},
        "SpotFleetRequestId": request.id,
        "SpotFleetRequestState": request.state,
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


def install() -> None:
    """Patch moto's fleets."""
    for kind in (Fleet, SpotFleetRequest):
        patch(kind.create_spot_requests)(launch)
        patch(kind.terminate_instances)(terminate)
    patch(Fleet.create_on_demand_requests)(launch)

    @patch(Fleet.__init__)
    def init_fleet(original, fleet, backend, fleet_id, on_demand, spot, target, configs, *more):
        # Without templates and capacity first: moto would launch by its own rules.
        original(fleet, backend, fleet_id, on_demand, spot, {"TotalTargetCapacity": 0}, [], *more)
        tags = convert_tag_spec(more[-1] or []).get("instance", {}) if fleet.fleet_type == "instant" else {}
        fleet.launch_template_configs = configs
        fleet.launch_specs = [launch_spec(each, tags) for each in specifications(backend, configs or [])]
        fleet.target_capacity_specification = target
        fleet.target_capacity = int(target["TotalTargetCapacity"])
        on_demand_capacity, spot_capacity = (
            int(target.get(f"{kind}TargetCapacity") or 0) for kind in ("OnDemand", "Spot")
        )
        rest = fleet.target_capacity - on_demand_capacity - spot_capacity
        if target.get("DefaultTargetCapacityType") == "spot":
            spot_capacity += rest
        else:
            on_demand_capacity += rest
        fleet.on_demand_target_capacity, fleet.spot_target_capacity = on_demand_capacity, spot_capacity
        fleet.create_on_demand_requests(on_demand_capacity)
        fleet.create_spot_requests(spot_capacity)

    @patch(SpotFleetRequest.__init__)
    def init_spot_fleet(original, request, *, launch_specs, launch_template_config, target_capacity, **more):
        original(request, launch_specs=[], launch_template_config=[], target_capacity=0, **more)
        configs = launch_template_config or []
        launched = [*(launch_specs or []), *specifications(request.ec2_backend, configs)]
        request.launch_specifications, request.launch_template_configs = launch_specs or None, configs or None
        request.launch_specs = [launch_spec(each, {}) for each in launched]
        request.target_capacity = int(target_capacity)
        request.create_spot_requests(request.target_capacity)

    @patch(EC2Response.request_spot_fleet)
    def request_spot_fleet(original, self):
        """EC2 API Reference, SpotFleetRequestConfigData: AllocationStrategy has a default."""
        config = {"AllocationStrategy": "lowestPrice", **self.params["SpotFleetRequestConfig"]}
        self.params = {**self.params, "SpotFleetRequestConfig": config}
        return original(self)

    @patch(EC2Response.describe_fleets)
    def describe_fleets(original, self):
        filters = self._filters_from_querystring()
        fleets = shown_fleets(original(self).result["Fleets"], self.params, filters)
        return ActionResult(listing.page(self.params, "Fleets", fleets))

    @patch(EC2Response.describe_spot_fleet_requests)
    def describe_spot_fleet_requests(_original, self):
        requests = self.ec2_backend.describe_spot_fleet_requests(self._get_param("SpotFleetRequestIds", []))
        described_requests = [described(request) for request in requests]
        return ActionResult(listing.page(self.params, "SpotFleetRequestConfigs", described_requests))
