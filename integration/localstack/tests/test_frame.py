"""The plugin's frame: LocalStack runs the start hook, and takes everything with it when it ends."""

import os
import re
import signal
from pathlib import Path

import image_copier_localstack
import pytest
from conditions import wait_until
from conftest import started_localstack
from lambda_function import create_function


def test_start_hook_runs_successfully(localstack):
    scripts = localstack.get_json("/_localstack/init")["scripts"]

    assert [(script["name"], script["stage"], script["state"]) for script in scripts] == [
        ("10_image_copier.py", "START", "SUCCESSFUL")
    ]


def test_modules_that_patch_localstack_are_listed_once():
    patching = [name for name, path in module_files() if re.search(r"^def install\(", path.read_text(), re.MULTILINE)]

    assert sorted(image_copier_localstack.MODULES) == sorted(patching)


def test_all_modules_are_loaded(localstack):
    """A module that patches nothing is there for one that does."""
    loaded = localstack.get_json("/_image-copier/health")["modules"]

    assert loaded == sorted(f"image_copier_localstack.{name}" for name, _ in module_files())


def test_accounts_are_apart(localstack, new_account):
    one, other = new_account(), new_account()

    assert one != other
    assert localstack.client("sts", one).get_caller_identity()["Account"] == one
    assert localstack.client("sts", other).get_caller_identity()["Account"] == other


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_no_function_outlives_localstack(tmp_path, new_account, end):
    with started_localstack(tmp_path) as (localstack, process):
        function = create_function(localstack, new_account(), "export const handler = async () => process.pid")
        pid = function.invoke().payload
        assert is_running(pid)

        process.send_signal(end)
        process.wait(timeout=20)

        wait_until("the function's process is gone", lambda: not is_running(pid))


def module_files() -> list[tuple[str, Path]]:
    """The modules of the plugin's package, with their names in it and their files."""
    package = Path(image_copier_localstack.__file__).parent
    files = ((path.relative_to(package).with_suffix("").parts, path) for path in package.rglob("*.py"))
    named = ((".".join(parts).removesuffix("__init__").removesuffix("."), path) for parts, path in files)
    return [(name, path) for name, path in named if name]


def is_running(pid: int) -> bool:
    """Whether there is such a process; one that ended but was not waited for has no command line any more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not os.path.exists("/proc/self") or bool(open(f"/proc/{pid}/cmdline").read())
