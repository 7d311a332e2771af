"""A LocalStack with the plugin for the whole test run, and accounts of their own for its tests."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.client import ClientCreator
from botocore.config import Config
from event_source import Source
from image_copier_localstack.services.ec2 import newer_operations
from lambda_function import LambdaFunction
from lambda_function import create_function as create_lambda_function
from organization import Organization, create_organization
from plugin_routes import copies_take

LOCALSTACK_DIR = Path(__file__).parents[1]
PROJECT_DIR = LOCALSTACK_DIR.parents[1]
START_TIMEOUT_SECONDS = 300
LOG_TAIL_LINES = 60

# The class of a service's clients; EC2's has 750 methods.
create_client_class = ClientCreator._create_client_class
client_classes: dict[str, type] = {}


def kept_client_class(creator: ClientCreator, service: str, *args: object) -> type:
    """The class that botocore would make anew for each client."""
    if service not in client_classes:
        client_classes[service] = create_client_class(creator, service, *args)
    return client_classes[service]


ClientCreator._create_client_class = kept_client_class


# The clients of the tests call the same operations that the emulator has.
newer_operations.install()


@dataclass(frozen=True)
class LocalStack:
    """A running emulator with the plugin."""

    endpoint: str

    def client(self, service: str, account: str, region: str = "eu-west-1"):
        """A boto3 client that acts in `account`: LocalStack takes a 12-digit access key id for the account."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="any",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=120),
        )

    def get_json(self, path: str) -> dict:
        """The JSON that LocalStack's own route answers."""
        with urllib.request.urlopen(self.endpoint + path, timeout=60) as response:
            return json.load(response)


@pytest.fixture(scope="session")
def localstack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """LocalStack with the plugin on a free port, or the emulator that AWS_ENDPOINT_URL names."""
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        running = LocalStack(endpoint.rstrip("/"))
        assert running.get_json("/_image-copier/health")["plugin"] == "image-copier"
        yield running
        return

    with started_localstack(tmp_path_factory.mktemp("localstack")) as (running, _process):
        yield running


@contextlib.contextmanager
def started_localstack(root: Path, **variables: str) -> Iterator[tuple[LocalStack, subprocess.Popen]]:
    """LocalStack with the plugin on a free port, and its process; all its files are below `root`.

    `variables` are added to its environment.
    """
    init = root / "etc/localstack/init"
    init.parent.mkdir(parents=True)
    init.symlink_to(LOCALSTACK_DIR / "init", target_is_directory=True)
    log = root / "localstack.log"
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "localstack.runtime.main"],
            env=environment(root, port) | variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        running = LocalStack(f"http://127.0.0.1:{port}")
        wait_until_ready(running, process, log)
        yield running, process
    finally:
        stop_group(process)


@pytest.fixture(scope="module")
def quick_copies(localstack: LocalStack) -> Iterator[None]:
    """Copies that end at once, for the tests of a module."""
    with copies_take(localstack, 0.05):
        yield


@pytest.fixture(scope="session")
def new_account() -> Callable[[], str]:
    """A function that answers a fresh account id at each call, so that tests share no resources."""
    return lambda: f"{secrets.randbelow(9 * 10**11) + 10**11}"


@pytest.fixture
def create_function(localstack: LocalStack) -> Iterator[Callable[..., LambdaFunction]]:
    """Makes Lambda functions, see lambda_function.create_function, and deletes them after the test."""
    created: list[LambdaFunction] = []

    def create(*args, **options) -> LambdaFunction:
        created.append(create_lambda_function(localstack, *args, **options))
        return created[-1]

    yield create
    for function in created:
        try:
            function.lambda_client.delete_function(FunctionName=function.name)
        except function.lambda_client.exceptions.ResourceNotFoundException:
            pass  # the test deleted it


@pytest.fixture
def source(localstack: LocalStack, create_function: Callable[..., LambdaFunction], new_account) -> Iterator[Source]:
    """A queue and a function, for the test to connect; they are disconnected after the test."""
    source = Source(localstack, create_function, new_account())
    yield source
    source.close()


def environment(root: Path, port: int) -> dict[str, str]:
    """The environment that LocalStack runs in, the same as in scripts/dev/localstack/server.ts."""
    inherited = {name: os.environ[name] for name in ("HOME", "LANG", "PATH") if name in os.environ}
    nodes = list(PROJECT_DIR.glob("node_modules/node-*/bin/node"))
    node_24 = next(node for node in nodes if "node-24-" in str(node))
    node_22 = next(node for node in nodes if "node-24-" not in str(node))
    return inherited | {
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "LOCALSTACK_HOST": f"127.0.0.1:{port}",
        "FILESYSTEM_ROOT": str(root),
        "TMPDIR": str(root),
        "LAMBDA_NODEJS22_BINARY": str(node_22),
        "LAMBDA_NODEJS24_BINARY": str(node_24),
        "OVERRIDE_IN_DOCKER": "0",
        "SQS_ENDPOINT_STRATEGY": "off",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
    }


def wait_until_ready(running: LocalStack, process: subprocess.Popen, log: Path) -> None:
    """Return when LocalStack answers and the plugin's hook was run; fail with the log's tail otherwise."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"LocalStack exited with {process.returncode}\n{tail(log)}", pytrace=False)
        try:
            running.get_json("/_localstack/health")
            stages = running.get_json("/_localstack/init")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
            continue
        if stages["completed"]["READY"]:
            states = [script["state"] for script in stages["scripts"] if script["name"] == "10_image_copier.py"]
            if states != ["SUCCESSFUL"]:
                pytest.fail(f"the plugin's start hook ended as {states}\n{tail(log)}", pytrace=False)
            return
        time.sleep(0.1)
    pytest.fail(f"LocalStack was not ready after {START_TIMEOUT_SECONDS} s\n{tail(log)}", pytrace=False)


def stop_group(process: subprocess.Popen) -> None:
    """End LocalStack and everything that it started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def tail(log: Path) -> str:
    """The last lines of LocalStack's log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def organization(localstack, new_account) -> Organization:
    return create_organization(localstack, new_account())
