"""Faults and settings, switched at run time through the plugin's HTTP routes."""

import concurrent.futures

import pytest
from botocore.exceptions import ClientError
from ec2_images import OTHER_REGION, REGION, bake_image, copy_image, image_of, rejection, settled, settled_copy
from plugin_routes import call, copies_take, end_copies, fault

LIMITED = {"operation": "DescribeImages", "code": "RequestLimitExceeded", "message": "slow down", "status": 503}
REASON = {"code": "Client.InternalError", "message": "broken"}


@pytest.fixture
def ec2(localstack, new_account):
    return Ec2(localstack, new_account())


@pytest.fixture(autouse=True)
def no_faults_afterwards(localstack):
    yield
    call(localstack, "DELETE", "faults")


class Ec2:
    """EC2 of one account, in two Regions."""

    def __init__(self, localstack, account: str) -> None:
        self.account = account
        self.here = localstack.client("ec2", account)
        self.there = localstack.client("ec2", account, OTHER_REGION)


def describe(client) -> str | None:
    """The code that DescribeImages is rejected with, or None."""
    try:
        client.describe_images(Owners=["self"])
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


def test_error_is_answered_as_given(localstack, ec2):
    with fault(localstack, kind="error", account=ec2.account, **LIMITED):
        answer = rejection(ec2.here.describe_images, Owners=["self"])

    assert answer == ("RequestLimitExceeded", 503, "slow down")
    assert describe(ec2.here) is None


def test_error_keeps_the_operation_from_having_an_effect(localstack, ec2):
    error = LIMITED | {"operation": "RegisterImage"}
    with fault(localstack, kind="error", account=ec2.account, **error), pytest.raises(ClientError):
        bake_image(localstack, ec2.account)

    assert ec2.here.describe_images(Owners=["self"])["Images"] == []


def test_error_is_for_its_operation_account_and_region(localstack, ec2, new_account):
    other = localstack.client("ec2", new_account())
    with fault(localstack, kind="error", account=ec2.account, region=REGION, **LIMITED):
        assert describe(ec2.here) == "RequestLimitExceeded"
        assert describe(ec2.there) is None
        assert describe(other) is None
        assert ec2.here.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []


def test_error_for_every_account_and_region(localstack, ec2, new_account):
    with fault(localstack, kind="error", **LIMITED):
        clients = [ec2.here, ec2.there, localstack.client("ec2", new_account())]
        assert [describe(client) for client in clients] == ["RequestLimitExceeded"] * 3


def test_error_of_another_service(localstack, ec2):
    sqs = localstack.client("sqs", ec2.account)
    error = LIMITED | {"service": "sqs", "operation": "ListQueues", "code": "ServiceUnavailable"}
    with fault(localstack, kind="error", account=ec2.account, **error):
        assert rejection(sqs.list_queues)[:2] == ("ServiceUnavailable", 503)
    assert sqs.list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_error_a_number_of_times(localstack, ec2):
    with fault(localstack, kind="error", account=ec2.account, times=2, **LIMITED):
        codes = [describe(ec2.here) for _ in range(4)]

    assert codes == ["RequestLimitExceeded", "RequestLimitExceeded", None, None]


def test_times_are_counted_across_simultaneous_requests(localstack, ec2):
    with (
        fault(localstack, kind="error", account=ec2.account, times=5, **LIMITED),
        concurrent.futures.ThreadPoolExecutor(10) as pool,
    ):
        codes = list(pool.map(lambda _: describe(ec2.here), range(20)))

    assert codes.count("RequestLimitExceeded") == 5


def test_throttle_allows_the_burst_and_then_rejects(localstack, ec2):
    """EC2 Developer Guide, "Request throttling for the Amazon EC2 API": a token bucket an account and Region."""
    bucket = {"operation": "DescribeImages", "burst": 3, "refillPerSecond": 0}
    with fault(localstack, kind="throttle", account=ec2.account, **bucket):
        assert [describe(ec2.here) for _ in range(5)] == [None] * 3 + ["RequestLimitExceeded"] * 2
        assert describe(ec2.there) is None
        assert rejection(ec2.here.describe_images)[1] == 503


def test_throttle_counts_calls_at_the_same_time(localstack, ec2):
    """EC2 Developer Guide, "Request throttling for the Amazon EC2 API": each request takes one token."""
    bucket = {"operation": "DescribeImages", "burst": 13, "refillPerSecond": 0}
    with (
        fault(localstack, kind="throttle", account=ec2.account, **bucket),
        concurrent.futures.ThreadPoolExecutor(10) as pool,
    ):
        codes = list(pool.map(lambda _: describe(ec2.here), range(40)))

    assert (codes.count(None), codes.count("RequestLimitExceeded")) == (13, 27)


def test_throttle_refills(localstack, ec2):
    """EC2 Developer Guide, "Request throttling for the Amazon EC2 API": tokens return at the refill rate."""
    bucket = {"operation": "DescribeImages", "burst": 1, "refillPerSecond": 1000}
    with fault(localstack, kind="throttle", account=ec2.account, **bucket):
        assert [describe(ec2.here) for _ in range(5)] == [None] * 5


def test_limit_of_concurrent_copies(localstack, ec2):
    """EC2 Developer Guide, "Error codes": ResourceLimitExceeded, in the destination Region."""
    baked = bake_image(localstack, ec2.account)
    with fault(localstack, kind="limit", account=ec2.account, region=REGION, concurrentCopies=2):
        with copies_take(localstack, 600):
            pending = [copy_image(ec2.here, baked) for _ in range(2)]
            request = {"Name": "copy", "SourceImageId": baked.id, "SourceRegion": REGION}
            assert rejection(ec2.here.copy_image, **request)[:2] == ("ResourceLimitExceeded", 400)
            stopped = copy_image(ec2.there, baked)
        ec2.here.deregister_image(ImageId=pending[0])
        with copies_take(localstack, 0):
            assert settled_copy(ec2.here, baked)["State"] == "available"
    ec2.here.deregister_image(ImageId=pending[1])
    ec2.there.deregister_image(ImageId=stopped)


def test_failing_copies(localstack, ec2):
    baked, other = (bake_image(localstack, ec2.account, name=name) for name in ("golden", "other"))
    failing = {"account": ec2.account, "sourceImageId": baked.id, "stateReason": REASON, "times": 1}
    with fault(localstack, kind="fail-copy", **failing), copies_take(localstack, 0):
        states = [settled_copy(ec2.here, source)["State"] for source in (other, baked, baked)]

    assert states == ["available", "failed", "available"]


def test_failing_copies_of_any_source_in_one_region(localstack, ec2):
    baked = bake_image(localstack, ec2.account)
    with (
        fault(localstack, kind="fail-copy", account=ec2.account, region=REGION, stateReason=REASON),
        copies_take(localstack, 0),
    ):
        here, there = (settled_copy(client, baked) for client in (ec2.here, ec2.there))

    assert (here["State"], there["State"]) == ("failed", "available")
    assert here["StateReason"] == {"Code": "Client.InternalError", "Message": "broken"}


@pytest.mark.parametrize("code", ["client-error", "internal-error"])
def test_snapshots_that_stay_when_their_image_goes(localstack, ec2, code):
    """EC2 API Reference, DeleteSnapshotReturnCode."""
    baked = bake_image(localstack, ec2.account)
    with fault(localstack, kind="keep-snapshot", account=ec2.account, returnCode=code, times=1):
        answer = ec2.here.deregister_image(ImageId=baked.id, DeleteAssociatedSnapshots=True)

    assert answer["Return"] is True
    assert [result["ReturnCode"] for result in answer["DeleteSnapshotResults"]] == [code, "success"]
    [left] = ec2.here.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert left["SnapshotId"] == answer["DeleteSnapshotResults"][0]["SnapshotId"]
    ec2.here.delete_snapshot(SnapshotId=left["SnapshotId"])


def test_faults_are_listed_and_removed_by_id(localstack, ec2):
    error = {"kind": "error", "account": ec2.account, **LIMITED}
    _, first = call(localstack, "POST", "faults", error)
    _, second = call(localstack, "POST", "faults", error)
    assert {name: value for name, value in first.items() if name != "id"} == error
    assert call(localstack, "GET", "faults") == (200, [first, second])

    assert call(localstack, "DELETE", f"faults/{first['id']}") == (200, {})

    assert call(localstack, "GET", "faults")[1] == [second]
    assert call(localstack, "DELETE", f"faults/{first['id']}")[0] == 404
    assert describe(ec2.here) == "RequestLimitExceeded"


def test_all_faults_are_removed_at_once(localstack, ec2):
    for operation in ("DescribeImages", "CopyImage"):
        call(localstack, "POST", "faults", {"kind": "error", **LIMITED, "operation": operation})

    assert call(localstack, "DELETE", "faults") == (200, [])

    assert call(localstack, "GET", "faults") == (200, [])
    assert describe(ec2.here) is None


ERROR = {"kind": "error", **LIMITED}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"\xff", "body"),
        ([], "body"),
        ({}, "kind"),
        ({"kind": "flood"}, "kind"),
        ({"kind": ["error"]}, "kind"),
        ({"kind": "error"}, "operation"),
        (ERROR | {"operation": ""}, "operation"),
        (ERROR | {"code": 7}, "code"),
        (ERROR | {"message": None}, "message"),
        (ERROR | {"status": 200}, "status"),
        (ERROR | {"status": "503"}, "status"),
        (ERROR | {"status": True}, "status"),
        (ERROR | {"times": 0}, "times"),
        (ERROR | {"times": 1.5}, "times"),
        (ERROR | {"account": "12"}, "account"),
        (ERROR | {"account": 111111111111}, "account"),
        (ERROR | {"region": 1}, "region"),
        (ERROR | {"burst": 1}, "burst"),
        ({"kind": "throttle", "operation": "CopyImage", "refillPerSecond": 1}, "burst"),
        ({"kind": "throttle", "operation": "CopyImage", "burst": -1, "refillPerSecond": 1}, "burst"),
        ({"kind": "throttle", "operation": "CopyImage", "burst": 1, "refillPerSecond": "1"}, "refillPerSecond"),
        (b'{"kind":"throttle","operation":"CopyImage","burst":1,"refillPerSecond":NaN}', "refillPerSecond"),
        ({"kind": "limit"}, "concurrentCopies"),
        ({"kind": "limit", "concurrentCopies": 1, "service": "ec2"}, "service"),
        ({"kind": "fail-copy"}, "stateReason"),
        ({"kind": "fail-copy", "stateReason": "broken"}, "stateReason"),
        ({"kind": "fail-copy", "stateReason": {"code": "a"}}, "stateReason"),
        ({"kind": "fail-copy", "stateReason": REASON, "sourceImageId": 1}, "sourceImageId"),
        ({"kind": "clock"}, "secondsAhead"),
        ({"kind": "clock", "secondsAhead": -1}, "secondsAhead"),
        ({"kind": "keep-snapshot"}, "returnCode"),
        ({"kind": "keep-snapshot", "returnCode": "skipped"}, "returnCode"),
        ({"kind": "lose-event", "state": "pending"}, "state"),
        ({"kind": "lose-event", "state": ["available"]}, "state"),
        ({"kind": "lose-event", "times": 0}, "times"),
        ({"kind": "lose-event", "imageId": "ami-12345678"}, "imageId"),
    ],
)
def test_bad_fault_is_rejected_with_its_field(localstack, body, field):
    before = call(localstack, "GET", "faults")

    status, answer = call(localstack, "POST", "faults", body)

    assert (status, answer.keys()) == (400, {"error"})
    name, allowed = answer["error"].split(": ", 1)
    assert (name, bool(allowed)) == (field, True)
    assert call(localstack, "GET", "faults") == before


def test_copy_time_is_a_setting(localstack, ec2):
    baked = bake_image(localstack, ec2.account)
    with copies_take(localstack, 600):
        assert call(localstack, "GET", "settings") == (200, {"copySeconds": 600, "parameterSeconds": 0.3})
        slow = copy_image(ec2.here, baked)
    with copies_take(localstack, 0):
        quick = settled(ec2.here, copy_image(ec2.here, baked))

    assert quick["State"] == "available"
    assert image_of(ec2.here, slow)["State"] == "pending"
    ec2.here.deregister_image(ImageId=slow)
    assert call(localstack, "DELETE", "settings") == (200, {"copySeconds": 0.5, "parameterSeconds": 0.3})


def test_pending_images_of_an_account_end_on_request(localstack, ec2, new_account):
    baked = bake_image(localstack, ec2.account)
    with copies_take(localstack, 600):
        pending = copy_image(ec2.here, baked)

    assert end_copies(localstack, new_account()) == []
    assert image_of(ec2.here, pending)["State"] == "pending"
    assert end_copies(localstack, ec2.account) == [pending]
    assert image_of(ec2.here, pending)["State"] == "available"
    assert end_copies(localstack, ec2.account) == []


def test_one_pending_image_ends_on_request(localstack, ec2):
    baked = bake_image(localstack, ec2.account)
    with copies_take(localstack, 600):
        ended, pending = copy_image(ec2.here, baked), copy_image(ec2.here, baked)

    assert end_copies(localstack, ec2.account, ended) == [ended]
    assert [image_of(ec2.here, image)["State"] for image in (ended, pending)] == ["available", "pending"]
    assert end_copies(localstack, ec2.account, ended) == []
    assert end_copies(localstack, ec2.account, pending) == [pending]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        ([], "body"),
        ({}, "body"),
        ({"copySeconds": -1}, "copySeconds"),
        ({"copySeconds": "1"}, "copySeconds"),
        ({"copySeconds": True}, "copySeconds"),
        (b'{"copySeconds":Infinity}', "copySeconds"),
        ({"copySeconds": 86_401}, "copySeconds"),
        ({"copySeconds": 1, "copyMinutes": 1}, "copyMinutes"),
        ({"copySeconds": 1, "parameterSeconds": -1}, "parameterSeconds"),
        ({"parameterSeconds": None}, "parameterSeconds"),
    ],
)
def test_bad_setting_is_rejected_with_its_field(localstack, body, field):
    before = call(localstack, "GET", "settings")

    status, answer = call(localstack, "PUT", "settings", body)

    assert (status, answer["error"].split(": ", 1)[0]) == (400, field)
    assert call(localstack, "GET", "settings") == before


def test_health_names_the_plugin(localstack):
    status, answer = call(localstack, "GET", "health")

    assert (status, answer["plugin"]) == (200, "image-copier")


def test_slow_copy_stays_pending_in_its_account_alone(localstack, new_account, ec2):
    slow, quick = ec2, Ec2(localstack, new_account())
    with fault(localstack, kind="slow-copy", account=slow.account, seconds=60):
        copies = [copy_image(one.here, bake_image(localstack, one.account)) for one in (slow, quick)]

    assert settled(quick.here, copies[1])["State"] == "available"
    assert image_of(slow.here, copies[0])["State"] == "pending"
