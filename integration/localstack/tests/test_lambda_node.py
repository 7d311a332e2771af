"""Lambda functions as Node processes. Each test names the page of the Lambda Developer Guide that it follows."""

import base64
import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conditions import wait_until
from lambda_function import create_role, zip_of

REPORT = re.compile(
    r"REPORT RequestId: (?P<id>\S+)\tDuration: (?P<duration>[\d.]+) ms\tBilled Duration: (?P<billed>\d+) ms"
    r"\tMemory Size: (?P<size>\d+) MB\tMax Memory Used: (?P<used>\d+) MB(\tInit Duration: (?P<init>[\d.]+) ms)?"
    r"(\tStatus: (?P<status>\w+)(\tError Type: (?P<type>\S+))?)?"
)


def report_of(function, request_id: str) -> re.Match[str]:
    """The REPORT line of one invocation."""
    marker = f"REPORT RequestId: {request_id}"
    line = next(line for line in function.log_lines(until=marker) if line.startswith(marker))
    match = REPORT.match(line)
    assert match, line
    return match


@pytest.mark.parametrize(
    ("files", "handler"),
    [
        ({"index.js": "exports.handler = async () => 'reached'"}, "index.handler"),
        ({"index.cjs": "exports.handler = async () => 'reached'"}, "index.handler"),
        ({"index.mjs": "export const handler = async () => 'reached'"}, "index.handler"),
        (
            {"index.js": "export const handler = async () => 'reached'", "package.json": '{"type": "module"}'},
            "index.handler",
        ),
        ({"src/app.mjs": "export const main = async () => 'reached'"}, "src/app.main"),
        ({"index.js": "exports.routes = { put: async () => 'reached' }"}, "index.routes.put"),
        ({"index.js": "exports.handler = (event, context, callback) => callback(null, 'reached')"}, "index.handler"),
    ],
    ids=["js", "cjs", "mjs", "js in a module package", "folder", "nested export", "callback"],
)
def test_handler_is_found_and_called(create_function, new_account, files, handler):
    """Define Lambda function handler in Node.js: file.export, CommonJS and ES modules, callbacks up to Node 22."""
    function = create_function(new_account(), files, Handler=handler)

    assert function.invoke().payload == "reached"


@pytest.mark.parametrize(("runtime", "start"), [("nodejs22.x", "v22."), ("nodejs24.x", "v24.")])
def test_runs_the_node_of_its_runtime(create_function, new_account, runtime, start):
    """Lambda runtimes: nodejs22.x is Node.js 22, nodejs24.x is Node.js 24."""
    code = "export const handler = async () => [process.version, process.env.AWS_EXECUTION_ENV]"
    function = create_function(new_account(), code, Runtime=runtime)

    version, environment = function.invoke().payload
    assert version.startswith(start)
    assert environment == f"AWS_Lambda_{runtime}"


def test_the_runtime_loads_no_more_than_the_one_of_aws(create_function, new_account):
    """aws-lambda-ric, AWS's own client, requires Node's modules: `import` would load a WebSocket client too."""
    function = create_function(
        new_account(),
        "export const handler = async () => process.moduleLoadList",
    )

    assert [name for name in function.invoke().payload if re.search("undici|http2|webcrypto", name)] == []


def test_rejects_a_runtime_it_cannot_run(localstack, create_function, new_account):
    """Lambda function states: a function that cannot run is Failed and says why."""
    client = localstack.client("lambda", account := new_account())
    client.create_function(
        FunctionName="probe",
        Runtime="python3.13",
        Handler="index.handler",
        Role=create_role(localstack.client("iam", account), "probe"),
        Code={"ZipFile": zip_of({"index.py": ""})},
    )

    def settled():
        configuration = client.get_function_configuration(FunctionName="probe")
        return configuration if configuration["State"] != "Pending" else None

    configuration = wait_until("no longer Pending", settled)
    assert configuration["State"] == "Failed"
    reason = "python3.13 needs a Docker engine; without one, nodejs22.x and nodejs24.x run"
    assert reason in configuration["StateReason"]


def test_environment_is_the_documented_one(create_function, new_account):
    """Working with Lambda environment variables: defined runtime variables, and the function's own."""
    account = new_account()
    code = "export const handler = async () => ({ env: process.env, cwd: process.cwd() })"
    function = create_function(account, code, Environment={"Variables": {"QUEUE_URL": "own value"}})

    answer = function.invoke().payload
    env = answer["env"]
    assert env["QUEUE_URL"] == "own value"
    assert env["_HANDLER"] == "index.handler"
    assert env["AWS_REGION"] == env["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert env["AWS_EXECUTION_ENV"] == "AWS_Lambda_nodejs22.x"
    assert env["AWS_LAMBDA_FUNCTION_NAME"] == "probe"
    assert env["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert env["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/probe"
    assert env["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert env["LAMBDA_TASK_ROOT"] == answer["cwd"]
    assert env["TZ"] == ":UTC"
    assert env["_X_AMZN_TRACE_ID"].startswith("Root=")
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API"} <= env.keys()


def test_nothing_of_localstack_leaks_into_the_environment(create_function, new_account):
    """Working with Lambda environment variables: there are no others than the documented ones and the function's."""
    function = create_function(new_account(), "export const handler = async () => Object.keys(process.env)")

    foreign = {
        name
        for name in function.invoke().payload
        if not name.startswith(("AWS_", "_AWS_XRAY_", "LAMBDA_")) or name.startswith("LAMBDA_NODEJS")
    }
    assert foreign == {"PATH", "LANG", "TZ", "TMPDIR", "_HANDLER", "_X_AMZN_TRACE_ID"}


def test_acts_as_the_role_of_the_function(create_function, new_account):
    """Defining Lambda function permissions with an execution role."""
    account = new_account()
    code = """
    import { request } from 'node:http';
    export const handler = async () => {
      const { AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, AWS_REGION } = process.env;
      const scope = `${AWS_ACCESS_KEY_ID}/20260101/${AWS_REGION}/sts/aws4_request`;
      const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`;
      const response = await fetch(AWS_ENDPOINT_URL, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
        body: 'Action=GetCallerIdentity&Version=2011-06-15',
      });
      return response.text();
    };
    """
    function = create_function(account, code)

    assert f"<Arn>arn:aws:sts::{account}:assumed-role/probe/probe</Arn>" in function.invoke().payload


def test_context_holds_the_invocation(create_function, new_account):
    """Using the Lambda context object to retrieve Node.js function information."""
    code = """
    export const handler = async (event, context) => ({
      ...context, remaining: context.getRemainingTimeInMillis(), type: typeof context.memoryLimitInMB });
    """
    function = create_function(new_account(), code, Timeout=17)

    answer = function.invoke()
    context = answer.payload
    assert context["awsRequestId"] == answer.request_id
    assert context["functionName"] == "probe"
    assert context["functionVersion"] == "$LATEST"
    assert context["invokedFunctionArn"] == function.arn
    assert (context["memoryLimitInMB"], context["type"]) == ("256", "string")
    assert context["logGroupName"] == "/aws/lambda/probe"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", context["logStreamName"])
    assert context["callbackWaitsForEmptyEventLoop"] is True
    assert 15_000 < context["remaining"] <= 17_000


def test_event_and_result_are_passed_as_they_are(create_function, new_account):
    """Define Lambda function handler in Node.js: the event is JSON in, the result JSON out."""
    function = create_function(new_account(), "export const handler = async (event) => event")
    event = {"text": 'ünïcode "quoted"\n', "number": 1.5, "nothing": None, "list": [True, {}], "long": "x" * 200_000}

    assert function.invoke(event).payload == event


def test_result_that_is_undefined_is_null(create_function, new_account):
    """Define Lambda function handler in Node.js."""
    function = create_function(new_account(), "export const handler = async () => {}")

    assert function.invoke().payload is None


def test_callback_waits_for_the_empty_event_loop(create_function, new_account):
    """Using the Lambda context object: callbackWaitsForEmptyEventLoop, true unless it is set to false."""
    code = """
    let finished = [];
    export const handler = (event, context, callback) => {
      if (event.read) return callback(null, finished);
      context.callbackWaitsForEmptyEventLoop = event.wait;
      setTimeout(() => { finished.push(event.wait); }, 200);
      callback(null, finished);
    };
    """
    function = create_function(new_account(), code)

    assert function.invoke({"wait": True}).payload == [True]
    assert function.invoke({"wait": False}).payload == [True]
    assert function.invoke({"read": True}).payload == [True, False]


@pytest.mark.parametrize(
    ("code", "error_type", "message"),
    [
        ("export const handler = async () => { throw new RangeError('too far'); }", "RangeError", "too far"),
        ("export const handler = () => { throw new TypeError('wrong'); }", "TypeError", "wrong"),
        ("export const handler = () => Promise.reject(new Error('refused'))", "Error", "refused"),
        ("export const handler = (event, context, callback) => callback(new Error('called'))", "Error", "called"),
        ("export const handler = async () => { throw 'a string'; }", "string", "a string"),
        (
            "export const handler = async () => { Promise.reject(new Error('stray')); await new Promise(() => {}); }",
            "Runtime.UnhandledPromiseRejection",
            "Error: stray",
        ),
        (
            "export const handler = async () => "
            "{ setTimeout(() => { throw new Error('late'); }); await new Promise((r) => setTimeout(r, 5000)); }",
            "Error",
            "late",
        ),
    ],
    ids=["async throw", "sync throw", "rejection", "callback", "string", "unhandled rejection", "uncaught exception"],
)
def test_error_reaches_the_caller(create_function, new_account, code, error_type, message):
    """Lambda function invocation errors in Node.js: FunctionError, errorType, errorMessage and trace."""
    function = create_function(new_account(), code)

    answer = function.invoke()
    assert answer.error == "Unhandled"
    assert (answer.payload["errorType"], answer.payload["errorMessage"]) == (error_type, message)
    if error_type != "string":
        assert answer.payload["trace"][0] == f"{error_type}: {message}"
    logged = next(line for line in function.log_lines(until="REPORT") if "\tERROR\t" in line)
    assert answer.request_id in logged
    assert message in logged


def test_promise_that_is_never_settled_is_an_error(create_function, new_account):
    """Define Lambda function handler in Node.js: a handler has to settle its promise before the event loop is empty."""
    function = create_function(new_account(), "export const handler = async () => new Promise(() => {})")

    answer = function.invoke()
    assert (answer.error, answer.payload["errorType"]) == ("Unhandled", "Runtime.NodeJsExit")


@pytest.mark.parametrize(
    ("files", "handler", "error_type", "message"),
    [
        ({"index.mjs": "throw new Error('no start')"}, "index.handler", "Error", "no start"),
        ({"index.mjs": "export const other = 1"}, "index.handler", "Runtime.HandlerNotFound", "index.handler is undef"),
        ({"index.mjs": "export const handler = 1"}, "index.handler", "Runtime.HandlerNotFound", "is not a function"),
        ({"other.mjs": ""}, "index.handler", "Runtime.ImportModuleError", "Cannot find module 'index'"),
        ({"index.mjs": "import 'absent'"}, "index.handler", "Runtime.ImportModuleError", "'absent'"),
        ({"index.mjs": "export const = 1"}, "index.handler", "Runtime.UserCodeSyntaxError", "SyntaxError"),
        ({"index.js": "export const handler = 1"}, "index.handler", "Runtime.UserCodeSyntaxError", "SyntaxError"),
        ({"index.mjs": "process.exit(7)"}, "index.handler", "Runtime.ExitError", "exit status 7"),
    ],
    ids=["throw", "no export", "no function", "no file", "no import", "syntax", "esm in a cjs file", "exit"],
)
def test_error_while_initializing(create_function, new_account, files, handler, error_type, message):
    """Understanding the Lambda execution environment lifecycle: failures during the init phase."""
    function = create_function(new_account(), files, Handler=handler)

    answer = function.invoke()
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == error_type
    assert message in answer.payload["errorMessage"]
    phases = [line for line in function.log_lines(until="REPORT RequestId") if line.startswith("INIT_REPORT")]
    assert [re.search(r"Phase: (\w+)\tStatus: error\tError Type: (\S+)", line).groups() for line in phases] == [
        ("init", error_type),
        ("invoke", error_type),
    ]


def test_initializes_again_under_the_timeout_of_the_function(create_function, new_account):
    """Understanding the Lambda execution environment lifecycle: a failed init is run again by the invocation."""
    code = """
    import { existsSync, writeFileSync } from 'node:fs';
    import { tmpdir } from 'node:os';
    const mark = `${tmpdir()}/started`;
    if (!existsSync(mark)) { writeFileSync(mark, ''); throw new Error('first start fails'); }
    export const handler = async () => 'second start';
    """
    function = create_function(new_account(), code)

    answer = function.invoke()
    assert (answer.error, answer.payload) == (None, "second start")
    assert report_of(function, answer.request_id)["init"] is None


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("process.exit(3)", "Runtime exited with error: exit status 3"),
        ("process.exit(0)", "Runtime exited without providing a reason"),
        ("process.kill(process.pid, 'SIGKILL')", "Runtime exited with error: signal: killed"),
    ],
    ids=["exit", "exit 0", "killed"],
)
def test_process_that_ends_during_an_invocation(create_function, new_account, end, message):
    """Troubleshoot invocation issues in Lambda: Runtime.ExitError. The next invocation has a new process."""
    code = f"export const handler = async (event) => {{ if (event.end) {end}; return process.pid; }}"
    function = create_function(new_account(), code)

    before = function.invoke({}).payload
    answer = function.invoke({"end": True})
    after = function.invoke({})

    assert answer.error == "Unhandled"
    assert answer.payload == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {answer.request_id} Error: {message}",
    }
    assert after.error is None
    assert after.payload != before
    assert report_of(function, answer.request_id).group("status", "type") == ("error", "Runtime.ExitError")


@pytest.mark.parametrize(
    "wait", ["await new Promise((r) => setTimeout(r, 60000))", "for (;;) {}"], ids=["waiting", "busy"]
)
def test_timeout_kills_the_process(create_function, new_account, wait):
    """Configure Lambda function timeout; Troubleshoot invocation issues in Lambda: Sandbox.Timedout."""
    code = f"""
    export const handler = async (event) => {{
      if (event.hang) {{ console.log('before the end', process.pid); {wait}; }}
      return process.pid;
    }};
    """
    function = create_function(new_account(), code, Timeout=3)

    before = function.invoke({}).payload
    started = time.monotonic()
    answer = function.invoke({"hang": True})
    took = time.monotonic() - started
    after = function.invoke({})

    assert answer.error == "Unhandled"
    assert answer.payload == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {answer.request_id} Error: Task timed out after 3.00 seconds",
    }
    assert 3 <= took < 60
    assert after.payload != before
    report = report_of(function, answer.request_id)
    assert (report["duration"], report["billed"], report["status"]) == ("3000.00", "3000", "timeout")
    lines = function.log_lines(until=f"REPORT RequestId: {answer.request_id}")
    assert any(line.endswith(f"before the end {before}") for line in lines)
    assert any(line.endswith(f"{answer.request_id} Task timed out after 3.00 seconds") for line in lines)


def test_timeout_ends_the_children_too(create_function, new_account):
    """Configure Lambda function timeout: the execution environment is stopped, with all that runs in it."""
    code = """
    import { spawn } from 'node:child_process';
    export const handler = async (event) => {
      if (event.pid) return event.pid;
      console.log(`child=${spawn('sleep', ['300']).pid};`);
      await new Promise((r) => setTimeout(r, 60000));
    };
    """
    function = create_function(account := new_account(), code, Timeout=3)
    is_running = process_probe(create_function, account)

    function.invoke({})

    line = next(line for line in function.log_lines(until="REPORT") if "child=" in line)
    child = int(re.search(r"child=(\d+);", line)[1])
    wait_until("the child is gone", lambda: not is_running(child))


def test_log_group_holds_stdout_stderr_and_the_platform_lines(create_function, new_account):
    """Log and monitor Node.js Lambda functions: START, the function's own lines, END and REPORT."""
    code = """
    console.log('at the start');
    export const handler = async () => {
      console.log('first %s', 'line');
      console.error(new Error('second').message);
      process.stdout.write('{"third":"raw"}\\n');
      process.stderr.write('fourth, without an end of line');
    };
    """
    function = create_function(new_account(), code)

    request_id = function.invoke().request_id

    lines = function.log_lines(until=f"REPORT RequestId: {request_id}")
    time_pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    expected = [
        rf"{time_pattern}\tundefined\tINFO\tat the start",
        rf"START RequestId: {request_id} Version: \$LATEST",
        rf"{time_pattern}\t{request_id}\tINFO\tfirst line",
        rf"{time_pattern}\t{request_id}\tERROR\tsecond",
        r'\{"third":"raw"\}',
        r"fourth, without an end of line",
        rf"END RequestId: {request_id}",
        rf"REPORT RequestId: {request_id}\t.*",
    ]
    assert len(lines) == len(expected), lines
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, line.rstrip()), (line, pattern)


def test_logs_go_with_their_invocation(create_function, new_account):
    """Log and monitor Node.js Lambda functions: LogType=Tail answers the log of this invocation."""
    function = create_function(new_account(), "export const handler = async (event) => console.log(event)")
    tail = function.lambda_client.invoke
    function.invoke("first")

    answer = tail(FunctionName="probe", Payload=json.dumps("second"), LogType="Tail")

    lines = base64_text(answer["LogResult"]).splitlines()
    assert [line.split("\t")[-1] for line in lines if "INFO" in line] == ["second"]


def test_report_tells_duration_and_memory(create_function, new_account):
    """Log and monitor Node.js Lambda functions: the fields of REPORT; Init Duration on a first invocation only."""
    code = """
    const kept = [];
    export const handler = async (event) => {
      kept.push(Buffer.alloc(event.megabytes * 1024 * 1024, 1));
      await new Promise((r) => setTimeout(r, 120));
    };
    """
    function = create_function(new_account(), code)

    small = report_of(function, function.invoke({"megabytes": 1}).request_id)
    large = report_of(function, function.invoke({"megabytes": 150}).request_id)

    assert 120 <= float(small["duration"]) < 20_000
    assert float(small["init"]) > 0
    assert large["init"] is None
    assert int(small["billed"]) >= float(small["duration"]) + float(small["init"])
    assert 0 <= int(large["billed"]) - float(large["duration"]) < 1
    assert small["size"] == "256"
    assert 20 < int(small["used"]) < 120
    assert 149 <= int(large["used"]) - int(small["used"]) < 200


def test_environment_is_reused_and_another_one_is_made_for_a_second_caller(create_function, new_account):
    """Understanding Lambda function scaling: an environment serves one request at a time."""
    code = """
    import { connect } from 'node:net';
    export const handler = async (event) => {
      if (event.port) await new Promise((end) => connect(event.port).resume().on('close', end));
      return process.pid;
    };
    """
    function = create_function(new_account(), code)

    first, second = function.invoke({}).payload, function.invoke({}).payload
    with socket.create_server(("localhost", 0)) as server, ThreadPoolExecutor(3) as pool:
        event = {"port": server.getsockname()[1]}
        answers = [pool.submit(function.invoke, event) for _ in range(3)]
        # None of them ends before all three have begun.
        server.settimeout(120)
        for connection in [server.accept()[0] for _ in range(3)]:
            connection.close()
        together = [answer.result().payload for answer in answers]

    assert first == second
    assert len(set(together)) == 3
    assert first in together


def test_updated_code_and_configuration_take_effect(create_function, new_account):
    """Understanding the Lambda execution environment lifecycle: an update makes new environments."""
    code = "export const handler = async () => 'old'"
    function = create_function(new_account(), code)
    assert function.invoke().payload == "old"

    function.lambda_client.update_function_code(
        FunctionName="probe", ZipFile=zip_of({"index.mjs": "export const handler = async () => process.env.WHICH"})
    )
    updated(function)
    function.lambda_client.update_function_configuration(
        FunctionName="probe", Environment={"Variables": {"WHICH": "new"}}
    )
    updated(function)

    assert function.invoke().payload == "new"


def test_deleting_the_function_ends_its_processes(create_function, new_account):
    """Understanding the Lambda execution environment lifecycle: the shutdown phase."""
    function = create_function(account := new_account(), "export const handler = async () => process.pid")
    is_running = process_probe(create_function, account)
    pid = function.invoke().payload
    assert is_running(pid)

    function.lambda_client.delete_function(FunctionName="probe")

    wait_until("the process is gone", lambda: not is_running(pid))


def updated(function) -> None:
    """Wait until the last update took effect."""

    def successful() -> bool:
        return (
            function.lambda_client.get_function_configuration(FunctionName="probe")["LastUpdateStatus"] == "Successful"
        )

    wait_until("LastUpdateStatus is Successful", successful)


def process_probe(create_function, account):
    """Tells whether a process id is in use, asked from a function: it sees the machine that the emulator runs on."""
    code = """
    export const handler = async (pid) => {
      try { return process.kill(pid, 0); } catch { return false; }
    };
    """
    probe = create_function(account, code, name="process-probe")
    return lambda pid: probe.invoke(pid).payload


def base64_text(text: str) -> str:
    return base64.b64decode(text).decode()
