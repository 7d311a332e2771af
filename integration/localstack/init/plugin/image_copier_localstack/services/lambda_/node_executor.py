"""Lambda functions on Node without Docker: real processes behind the Lambda Runtime API.

Follows the Lambda Developer Guide: "Using the Lambda runtime API", "Understanding the Lambda execution environment
lifecycle" (init, its failure and its second try, reset after a timeout or crash), "Building Lambda functions with
Node.js", "Working with Lambda environment variables", "Log and monitor Node.js Lambda functions".
"""

import functools
import json
import math
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from localstack import config
from localstack.services.lambda_.invocation import plugins
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor
from localstack.utils.docker_utils import DOCKER_CLIENT

BOOTSTRAP = Path(__file__).with_name("bootstrap.mjs")
API = "/2018-06-01/runtime"
INIT_SECONDS = 10


@dataclass(frozen=True)
class NodeRuntime:
    """A runtime of Lambda's, and the Node that it is."""

    major: int
    variable: str
    # The guide's table of experimental features that Lambda switches off, each with the flag that switches it on again.
    # Since it lists Node 24 it has no such table for it.
    flags: dict[str, str]


RUNTIMES = {
    "nodejs22.x": NodeRuntime(
        22,
        "LAMBDA_NODEJS22_BINARY",
        {
            "--no-experimental-require-module": "--experimental-require-module",
            "--no-experimental-detect-module": "--experimental-detect-module",
        },
    ),
    "nodejs24.x": NodeRuntime(24, "LAMBDA_NODEJS24_BINARY", {}),
}

# LocalStack gives these to the init program of its own container images; AWS knows none of them.
NOT_AWS = {"EDGE_PORT", "AWS_LAMBDA_FUNCTION_TIMEOUT"}


@dataclass(frozen=True)
class Event:
    """What a runtime did: `next`, `response`, `error`, `init-error` or `exit`; or `timeout`, that it did nothing."""

    kind: str
    body: bytes = b""
    peak_kb: int = 0
    exit_code: int = 0


@dataclass(frozen=True)
class Invocation:
    """One event on its way to a function."""

    request_id: str
    function_arn: str
    trace_id: str
    body: bytes
    deadline_ms: int


@dataclass(frozen=True)
class Outcome:
    """What the caller gets, and how REPORT names a failure of the environment itself."""

    body: bytes
    is_error: bool
    status: str = ""
    log_line: str = ""


class RuntimeApi(ThreadingHTTPServer):
    """The Lambda Runtime API for one process, on a loopback port."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), RuntimeApiHandler)
        self.events: queue.Queue[Event] = queue.Queue()
        self.invocations: queue.Queue[Invocation | None] = queue.Queue()
        self.current: Invocation | None = None
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 1}, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def close(self) -> None:
        self.invocations.put(None)
        # The serving thread looks up once a second; nobody has to wait for that.
        threading.Thread(target=lambda: (self.shutdown(), self.server_close()), daemon=True).start()

    def handle_error(self, request, client_address) -> None:
        """A killed process breaks its connection: nothing to report."""


class RuntimeApiHandler(BaseHTTPRequestHandler):
    """Answers one connection of a runtime."""

    server: RuntimeApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path != f"{API}/invocation/next":
            self.answer(404, {"errorType": "NotFound", "errorMessage": self.path})
            return
        self.server.events.put(Event("next"))
        invocation = self.server.invocations.get()
        if invocation is None:
            self.close_connection = True
            return
        self.server.current = invocation
        self.answer(
            200,
            invocation.body,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                "Lambda-Runtime-Trace-Id": invocation.trace_id,
            },
        )

    def do_POST(self) -> None:
        if "Content-Length" not in self.headers:
            self.close_connection = True
            self.answer(411, {"errorType": "LengthRequired", "errorMessage": "Content-Length is required"})
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.kind_of_post()
        if kind is None:
            self.answer(400, {"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"})
            return
        self.server.events.put(Event(kind, body, int(self.headers.get("Peak-Memory-Kb", "0"))))
        self.answer(202, {"status": "OK"})

    def kind_of_post(self) -> str | None:
        if self.path == f"{API}/init/error":
            return "init-error"
        current = self.server.current
        for kind in ("response", "error"):
            if current is not None and self.path == f"{API}/invocation/{current.request_id}/{kind}":
                self.server.current = None
                return kind
        return None

    def answer(self, status: int, body: bytes | dict, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args) -> None:
        """The requests of a runtime are no news."""


class NodeProcess:
    """One start of a function's code: a Node process with the Runtime API that it talks to."""

    def __init__(self, runtime: str, task_root: Path, environment: dict[str, str]) -> None:
        self.api = RuntimeApi()
        # A file and not a pipe: what the process wrote before its response is there when the response is.
        self.log = tempfile.TemporaryFile()
        self.log_offset = 0
        self.peak_kb = 0
        options = environment.get("NODE_OPTIONS", "").split()
        flags = [flag for flag, opposite in RUNTIMES[runtime].flags.items() if opposite not in options]
        self.process = subprocess.Popen(
            [node_binary(runtime), *flags, str(BOOTSTRAP)],
            cwd=task_root,
            env=environment | {"AWS_LAMBDA_RUNTIME_API": self.api.address},
            # Nothing is ever written: the end of this pipe tells the process that LocalStack is gone.
            stdin=subprocess.PIPE,
            stdout=self.log,
            stderr=self.log,
            process_group=0,
        )
        threading.Thread(target=self.report_exit, daemon=True).start()

    def report_exit(self) -> None:
        self.api.events.put(Event("exit", exit_code=self.process.wait()))

    def next_event(self, deadline: float) -> Event:
        """What the process does next, or `timeout` when `deadline` (of the monotonic clock) passes before."""
        try:
            event = self.api.events.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            event = Event("timeout")
        self.peak_kb = max(self.peak_kb, event.peak_kb, self.peak_of_system_kb())
        return event

    def peak_of_system_kb(self) -> int:
        """The peak that Linux keeps for a live process; elsewhere the process tells its own with each response."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)

    def take_log(self) -> str:
        """What the process wrote since the last call, in whole lines."""
        content = os.pread(self.log.fileno(), os.fstat(self.log.fileno()).st_size - self.log_offset, self.log_offset)
        self.log_offset += len(content)
        text = content.decode(errors="replace")
        return text if not text or text.endswith("\n") else text + "\n"

    def kill(self) -> None:
        """End the process and all that it started, at once."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process.stdin.close()
        self.api.close()


class NodeRuntimeExecutor(RuntimeExecutor):
    """One execution environment of a function."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id, function_version)
        self.environment: dict[str, str] = {}
        self.temporary_dir: Path | None = None
        self.process: NodeProcess | None = None
        self.init_ms: float | None = None
        self.log = ""

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpack the code; what is raised here becomes the StateReason of a function that is Failed."""
        runtime = function_version.config.runtime
        if runtime not in RUNTIMES:
            known = " and ".join(RUNTIMES)
            raise ValueError(f"{runtime or 'a container image'} needs a Docker engine; without one, {known} run")
        node_binary(runtime)
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """LocalStack itself removes the unpacked code."""

    @classmethod
    def validate_environment(cls) -> bool:
        return True

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        host = config.GATEWAY_LISTEN[0].host
        return "127.0.0.1" if host in ("0.0.0.0", "::", "") else host

    def get_runtime_endpoint(self) -> str:
        """LocalStack's own init program would call this; here the Runtime API is asked instead."""
        return ""

    def get_logs(self) -> str:
        return self.log

    def start(self, env_vars: dict[str, str]) -> None:
        """The Init phase: at most 10 seconds. When it fails, the first invocation tries once more."""
        self.temporary_dir = Path(tempfile.mkdtemp(prefix="lambda-"))
        self.environment = self.process_environment(env_vars)
        started = time.monotonic()
        event = self.spawn().next_event(started + INIT_SECONDS)
        init_ms = (time.monotonic() - started) * 1000
        if event.kind == "next":
            self.init_ms = init_ms
        else:
            self.discard_process()
            self.log += init_report(init_ms, "init", self.status_of(event))

    def stop(self) -> None:
        self.discard_process()
        if self.temporary_dir is not None:
            shutil.rmtree(self.temporary_dir, ignore_errors=True)

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """The Invoke phase, from START to REPORT."""
        function = self.function_version.config
        request_id = payload["invoke-id"]
        if self.process is not None:
            self.log += self.process.take_log()
            if self.process.process.poll() is not None:
                self.discard_process()
        self.log += f"START RequestId: {request_id} Version: {self.function_version.id.qualifier}\n"

        started = time.monotonic()
        invocation = Invocation(
            request_id=request_id,
            function_arn=payload["invoked-function-arn"],
            trace_id=payload["trace-id"],
            body=payload["payload"].encode(),
            deadline_ms=int((time.time() + function.timeout) * 1000),
        )
        peak_kb, outcome = self.serve(invocation, started + function.timeout)
        duration_ms = min((time.monotonic() - started) * 1000, function.timeout * 1000)

        if self.process is not None:
            self.log += self.process.take_log()
        self.log += outcome.log_line + f"END RequestId: {request_id}\n"
        # Since August 2025 the Init phase is billed like the invocation that it precedes.
        init_ms, self.init_ms = self.init_ms, None
        report = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {duration_ms:.2f} ms",
            f"Billed Duration: {math.ceil(duration_ms + (init_ms or 0))} ms",
            f"Memory Size: {function.memory_size} MB",
            f"Max Memory Used: {math.ceil(peak_kb / 1024)} MB",
            *([f"Init Duration: {init_ms:.2f} ms"] if init_ms is not None else []),
            *([outcome.status] if outcome.status else []),
        ]
        log, self.log = self.log + "\t".join(report) + "\t\n", ""
        return InvocationResult(request_id, outcome.body, is_error=outcome.is_error, logs=log)

    def serve(self, invocation: Invocation, deadline: float) -> tuple[int, Outcome]:
        """Hand the event to the process, and wait until it is ready for another one."""
        process = self.process
        if process is None:
            spawned = time.monotonic()
            process = self.spawn()
            event = process.next_event(deadline)
            if event.kind != "next":
                self.discard_process()
                self.log += init_report((time.monotonic() - spawned) * 1000, "invoke", self.status_of(event))
                return process.peak_kb, self.failure(event, invocation.request_id)
        process.api.invocations.put(invocation)
        event = process.next_event(deadline)
        if event.kind not in ("response", "error"):
            self.discard_process()
            return process.peak_kb, self.failure(event, invocation.request_id)
        if process.next_event(deadline).kind != "next":
            self.discard_process()
        return process.peak_kb, Outcome(event.body, is_error=event.kind == "error")

    def failure(self, event: Event, request_id: str) -> Outcome:
        """The answer for a runtime that gave none."""
        status = self.status_of(event)
        if event.kind == "init-error":
            return Outcome(event.body, is_error=True, status=status)
        if event.kind == "timeout":
            message = f"Task timed out after {self.function_version.config.timeout:.2f} seconds"
            error_type, line = "Sandbox.Timedout", f"{timestamp()} {request_id} {message}\n\n"
        else:
            error_type = "Runtime.ExitError"
            if event.exit_code == 0:
                message = "Runtime exited without providing a reason"
            elif event.exit_code > 0:
                message = f"Runtime exited with error: exit status {event.exit_code}"
            else:
                name = signal.strsignal(-event.exit_code) or str(-event.exit_code)
                message = f"Runtime exited with error: signal: {name.lower()}"
            line = f"RequestId: {request_id} Error: {message}\n{error_type}\n"
        error = {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {message}"}
        return Outcome(json.dumps(error).encode(), is_error=True, status=status, log_line=line)

    @staticmethod
    def status_of(event: Event) -> str:
        """How INIT_REPORT and REPORT name what went wrong."""
        if event.kind == "timeout":
            return "Status: timeout"
        if event.kind == "init-error":
            return f"Status: error\tError Type: {json.loads(event.body)['errorType']}"
        return "Status: error\tError Type: Runtime.ExitError"

    def spawn(self) -> NodeProcess:
        task_root = self.function_version.config.code.get_unzipped_code_location()
        self.process = NodeProcess(self.function_version.config.runtime, task_root, self.environment)
        return self.process

    def discard_process(self) -> None:
        """Reset the environment: the next invocation starts a new process in it."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            self.log += process.take_log()
            process.log.close()

    def process_environment(self, env_vars: dict[str, str]) -> dict[str, str]:
        """What AWS documents, and of LocalStack's own environment PATH alone."""
        variables = {
            name: str(value)
            for name, value in env_vars.items()
            if not name.startswith("LOCALSTACK_") and name not in NOT_AWS
        }
        return {
            "LANG": "en_US.UTF-8",
            "PATH": os.environ.get("PATH", os.defpath),
            **variables,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.function_version.config.runtime}",
            "LAMBDA_RUNTIME_DIR": str(BOOTSTRAP.parent),
            "LAMBDA_TASK_ROOT": str(self.function_version.config.code.get_unzipped_code_location()),
            # Each environment of AWS has a /tmp of its own.
            "TMPDIR": str(self.temporary_dir),
            **(self.function_version.config.environment or {}),
        }


@functools.cache
def node_binary(runtime: str) -> str:
    """The Node of a runtime: the one that its variable names, else `node` on PATH."""
    major, variable = RUNTIMES[runtime].major, RUNTIMES[runtime].variable
    node = f"Node {major}"
    binary = os.environ.get(variable) or shutil.which("node")
    remedy = f"set {variable} to the path of a {node} binary before LocalStack starts"
    if not binary:
        raise ValueError(f"{runtime} needs {node}, and no node is on PATH; {remedy}")
    try:
        version = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        raise ValueError(f"{binary} does not run ({error}); {remedy}") from error
    if not version.startswith(f"v{major}."):
        raise ValueError(f"{runtime} needs {node}, and {binary} is {version or 'no Node'}; {remedy}")
    return binary


def init_report(duration_ms: float, phase: str, status: str) -> str:
    """The line that AWS logs for an Init phase that failed."""
    return f"INIT_REPORT Init Duration: {duration_ms:.2f} ms\tPhase: {phase}\t{status}\n"


def timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def install() -> None:
    """Run Lambda functions in Node processes where no Docker engine answers, or where a Node is named."""
    docker_load = plugins.DockerRuntimeExecutorPlugin.load

    @functools.cache
    def executor_class(plugin) -> type[RuntimeExecutor]:
        named = any(os.environ.get(runtime.variable) for runtime in RUNTIMES.values())
        if named or not DOCKER_CLIENT.has_docker():
            return NodeRuntimeExecutor
        return docker_load(plugin)

    plugins.DockerRuntimeExecutorPlugin.load = lambda plugin, *_args, **_kwargs: executor_class(plugin)
