"""Parameters that are texts, below a path (Systems Manager API Reference), with a policy for each operation."""

import json

import pytest
from conditions import wait_until
from ec2_images import REGION, bake_image, error_code
from identities import Identities, allow

PATH = "/image-copier-ended/image-copier"


@pytest.fixture
def here(localstack, new_account) -> Identities:
    return Identities(localstack, new_account())


def parameter(number: int) -> dict:
    value = json.dumps({"kind": "retired", "at": "2026-11-30T09:00:00Z"})
    return {"Name": f"{PATH}/ami-{number:017x}", "Value": value, "Type": "String"}


def test_parameters_below_a_path(here):
    """PutParameter, GetParameter, GetParametersByPath (10 a page) and DeleteParameter, each with its own right."""
    below = f"arn:aws:ssm:{REGION}:{here.account}:parameter{PATH}"
    each = ["ssm:PutParameter", "ssm:GetParameter", "ssm:DeleteParameter"]
    ssm = here.role(allow(each, f"{below}/*"), allow("ssm:GetParametersByPath", below)).client("ssm")
    requests = [parameter(number) for number in range(12)]
    for request in requests:
        assert ssm.put_parameter(**request)["Version"] == 1
    assert error_code(ssm.put_parameter, **requests[0]) == "ParameterAlreadyExists"
    assert ssm.put_parameter(**requests[0], Overwrite=True)["Version"] == 2

    pages = list(ssm.get_paginator("get_parameters_by_path").paginate(Path=PATH))
    assert [len(page["Parameters"]) for page in pages] == [10, 2]
    found = {each["Name"]: each["Value"] for page in pages for each in page["Parameters"]}
    assert found == {request["Name"]: request["Value"] for request in requests}
    assert ssm.get_parameter(Name=requests[0]["Name"])["Parameter"]["Value"] == requests[0]["Value"]

    ssm.delete_parameter(Name=requests[0]["Name"])
    assert error_code(ssm.get_parameter, Name=requests[0]["Name"]) == "ParameterNotFound"
    assert error_code(ssm.delete_parameter, Name=requests[0]["Name"]) == "ParameterNotFound"


@pytest.mark.parametrize(
    "operation, request_of",
    [
        ("put_parameter", lambda name: {"Name": name, "Value": "x", "Type": "String"}),
        ("get_parameter", lambda name: {"Name": name}),
        ("delete_parameter", lambda name: {"Name": name}),
        ("get_parameters", lambda name: {"Names": [name]}),
        ("get_parameters_by_path", lambda name: {"Path": name.rsplit("/", 1)[0]}),
    ],
)
def test_another_path_needs_another_right(here, operation, request_of):
    """Service Authorization Reference, AWS Systems Manager: the parameter's ARN, or the path's."""
    below = f"arn:aws:ssm:{REGION}:{here.account}:parameter{PATH}"
    ssm = here.role(allow("ssm:*", [below, f"{below}/*"])).client("ssm")

    assert (
        error_code(getattr(ssm, operation), **request_of("/image-copier-ended/other/ami-1")) == "AccessDeniedException"
    )


def test_parameters_of_a_data_type(localstack, here):
    """DescribeParameters, ParameterStringFilter: the key DataType. It needs a right of its own, for no resource."""
    image_id = bake_image(localstack, here.account).id
    root = here.root("ssm")
    root.put_parameter(Name="/golden/note", Value=image_id, Type="String")
    root.put_parameter(Name="/golden/image", Value=image_id, Type="String", DataType="aws:ec2:image")
    ssm = here.role(allow("ssm:DescribeParameters")).client("ssm")

    def names(data_type: str) -> list[str]:
        filters = [{"Key": "DataType", "Values": [data_type]}]
        return [each["Name"] for each in ssm.describe_parameters(ParameterFilters=filters)["Parameters"]]

    wait_until("the image is stored", lambda: names("aws:ec2:image") == ["/golden/image"])
    assert names("text") == ["/golden/note"]
    assert error_code(here.role(name="other").client("ssm").describe_parameters) == "AccessDeniedException"
