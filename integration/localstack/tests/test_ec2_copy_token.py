"""ClientToken of CopyImage (EC2 Developer Guide, "Ensuring idempotency in Amazon EC2 API requests")."""

import concurrent.futures

import pytest
from ec2_images import OTHER_REGION, REGION, bake_image, copy_image, error_code, image_of, settled, tag_list

pytestmark = pytest.mark.usefixtures("quick_copies")


@pytest.fixture
def source(localstack, new_account):
    return bake_image(localstack, new_account())


@pytest.fixture
def account(new_account, source):
    account = new_account()
    source.share(account)
    return account


@pytest.fixture
def target(localstack, account):
    return localstack.client("ec2", account)


def own_images(ec2) -> list[str]:
    return [image["ImageId"] for image in ec2.describe_images(Owners=["self"])["Images"]]


def tags(value: str) -> dict:
    return {"TagSpecifications": [{"ResourceType": "image", "Tags": tag_list(Name=value)}]}


def test_same_token_and_parameters_give_the_same_image(source, target):
    """The request succeeds again without any further action."""
    first = copy_image(target, source, ClientToken="token", **tags("a"))
    settled(target, first)

    assert copy_image(target, source, ClientToken="token", **tags("a")) == first
    assert own_images(target) == [first]


@pytest.mark.parametrize(
    "change", [{"Name": "other"}, {"Description": "other"}, {"Encrypted": True}, tags("b"), {"CopyImageTags": True}]
)
def test_same_token_with_other_parameters_is_rejected(source, target, change):
    """EC2 error code IdempotentParameterMismatch."""
    parameters = {"Name": "copy", "SourceImageId": source.id, "SourceRegion": REGION, "ClientToken": "token"}
    first = target.copy_image(**parameters, **tags("a"))["ImageId"]

    assert error_code(target.copy_image, **({**parameters, **tags("a")} | change)) == "IdempotentParameterMismatch"
    assert own_images(target) == [first]


def test_tokens_are_case_sensitive(source, target):
    """Up to 64 ASCII characters, case-sensitive."""
    assert copy_image(target, source, ClientToken="token") != copy_image(target, source, ClientToken="Token")


@pytest.mark.parametrize("token", ["t" * 65, "tökên"])
def test_rejects_a_bad_token(source, target, token):
    """Up to 64 ASCII characters."""
    request = {"Name": "copy", "SourceImageId": source.id, "SourceRegion": REGION}

    assert error_code(target.copy_image, **request, ClientToken=token) == "InvalidParameterValue"
    assert copy_image(target, source, ClientToken="t" * 64)


def test_other_account_or_region_with_the_same_token_makes_another_image(localstack, new_account, source, account):
    """A token stands for a request of one account in one Region."""
    other = new_account()
    source.share(other)
    clients = [localstack.client("ec2", account), localstack.client("ec2", other)]
    clients.append(localstack.client("ec2", account, OTHER_REGION))

    copies = [copy_image(ec2, source, ClientToken="token") for ec2 in clients]

    assert len(set(copies)) == 3
    for ec2, image_id in zip(clients, copies, strict=True):
        assert own_images(ec2) == [image_id]


def test_simultaneous_requests_with_one_token_make_one_image(source, target):
    """The token makes a retry safe while the first request is still under way."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        copies = list(pool.map(lambda _: copy_image(target, source, ClientToken="token"), range(16)))

    assert len(set(copies)) == 1
    assert own_images(target) == [copies[0]]
    assert len(target.describe_snapshots(OwnerIds=["self"])["Snapshots"]) == 2


def test_simultaneous_requests_without_a_token_in_common_make_an_image_each(source, target):
    """Each request of an SDK has a token of its own."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        copies = list(pool.map(lambda _: copy_image(target, source, **tags("a")), range(16)))

    assert sorted(own_images(target)) == sorted(copies)
    assert len(set(copies)) == 16
    assert {settled(target, image_id)["State"] for image_id in copies} == {"available"}


def test_token_keeps_its_image_after_that_is_deregistered(source, target):
    """The first result is answered, so a new attempt needs a new token."""
    first = copy_image(target, source, ClientToken="token")
    target.deregister_image(ImageId=first)

    assert copy_image(target, source, ClientToken="token") == first
    assert own_images(target) == []
    again = copy_image(target, source, ClientToken="token-2")
    assert image_of(target, again)["ImageId"] == again


def test_rejected_request_does_not_use_up_its_token(localstack, new_account, source):
    """Only a request that succeeded stands for its result."""
    late = new_account()
    ec2 = localstack.client("ec2", late)
    request = {"Name": source.name, "SourceImageId": source.id, "SourceRegion": REGION, "ClientToken": "token"}
    assert error_code(ec2.copy_image, **request) == "InvalidAMIID.NotFound"

    source.share(late)

    copy = copy_image(ec2, source, ClientToken="token")
    assert own_images(ec2) == [copy]
