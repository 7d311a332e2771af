// Runs a function's handler under the Lambda Runtime API, as the nodejs22.x and nodejs24.x runtimes do.
// Lambda Developer Guide: "Building a custom runtime", "Define Lambda function handler in Node.js",
// "Using the Lambda context object", "Log and monitor Node.js Lambda functions".

import { createRequire } from 'node:module';

// Not by `import`, as AWS's own client (aws-lambda-ric) does not either: for that Node reads all that a module exports, and
// so loads what is behind it, such as a WebSocket client behind `node:http`: some 30 ms of each start.
const builtIn = createRequire(import.meta.url);
const { existsSync, readFileSync } = builtIn('node:fs');
const { Agent, request } = builtIn('node:http');
const path = builtIn('node:path');
const { pathToFileURL } = builtIn('node:url');
const { format, types } = builtIn('node:util');

const env = process.env;
const api = new URL(`http://${env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/`);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

let requestId;
let reportError = (error) => call('POST', 'init/error', JSON.stringify(error));
let onEmptyEventLoop;

// LocalStack holds the other end and never writes: the end of this stream is the end of LocalStack.
process.stdin.on('end', () => process.exit(1)).on('error', () => process.exit(1));
process.stdin.resume();
process.stdin.unref();

patchConsole();
process.on('beforeExit', () => onEmptyEventLoop?.());
process.on('uncaughtException', (error) => void leave('Uncaught Exception', error, 129));
process.on('unhandledRejection', (reason) => {
  const error = runtimeError('UnhandledPromiseRejection', String(reason));
  void leave('Unhandled Promise Rejection', Object.assign(error, { reason: errorBody(reason) }), 128);
});

try {
  const handler = await loadHandler();
  run(handler);
} catch (error) {
  await leave('Uncaught Exception', error, 1);
}

/** Logs an error that ends the process, tells the Runtime API, and exits. */
async function leave(title, error, exitCode) {
  logError(title, error);
  await reportError(errorBody(error)).catch(() => undefined);
  process.exit(exitCode);
}

/** Takes one invocation after the other. */
function run(handler) {
  call('GET', 'invocation/next').then(
    ({ headers, body }) => {
      requestId = headers['lambda-runtime-aws-request-id'];
      env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
      invoke(handler, body, headers);
    },
    // The Runtime API is gone, so there is no one left to tell.
    () => process.exit(1),
  );
}

/** Gives one event to the handler, which answers by promise, by callback, or by an empty event loop. */
function invoke(handler, body, headers) {
  const id = requestId;
  let settled = false;
  let waitsForEmptyEventLoop = true;

  const finish = (kind, json) => {
    if (settled) return;
    settled = true;
    onEmptyEventLoop = undefined;
    void call('POST', `invocation/${id}/${kind}`, json).then(() => run(handler));
  };
  const succeed = (result) => {
    let json;
    try {
      json = JSON.stringify(result) ?? 'null';
    } catch (error) {
      return fail(error);
    }
    finish('response', json);
  };
  const fail = (error) => {
    if (!settled) logError('Invoke Error', error);
    finish('error', JSON.stringify(errorBody(error)));
  };
  const callback = (error, result) => {
    if (error !== undefined && error !== null) fail(error);
    else if (!waitsForEmptyEventLoop) succeed(result);
    else onEmptyEventLoop = () => succeed(result);
  };

  reportError = (error) => call('POST', `invocation/${id}/error`, JSON.stringify(error));
  onEmptyEventLoop = () => {
    if (handler.constructor.name !== 'AsyncFunction') succeed(null);
    else fail(runtimeError('NodeJsExit', "The event loop is empty and the handler's promise was never settled"));
  };

  const deadlineMs = Number(headers['lambda-runtime-deadline-ms']);
  const context = {
    get callbackWaitsForEmptyEventLoop() {
      return waitsForEmptyEventLoop;
    },
    set callbackWaitsForEmptyEventLoop(value) {
      waitsForEmptyEventLoop = value;
    },
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    awsRequestId: id,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
    done: (error, result) => (error !== undefined && error !== null ? fail(error) : succeed(result)),
    succeed,
    fail,
  };
  try {
    const result = handler(JSON.parse(body), context, callback);
    if (typeof result?.then === 'function') result.then(succeed, fail);
  } catch (error) {
    fail(error);
  }
}

/** Finds `file.export` of _HANDLER: CommonJS or ES module by extension, and for .js by the nearest package.json. */
async function loadHandler() {
  const name = env._HANDLER ?? '';
  const folder = path.dirname(name);
  const [, module, exported] = /^([^.]*)\.(.+)$/.exec(path.basename(name)) ?? [];
  if (name.includes('..') || !module) throw runtimeError('MalformedHandlerName', 'Bad handler');
  const stem = path.resolve(env.LAMBDA_TASK_ROOT, folder, module);

  const loaded = await loadModule(stem, path.relative(env.LAMBDA_TASK_ROOT, stem));
  const handler = exported.split('.').reduce((value, key) => value?.[key], loaded);
  if (!handler) throw runtimeError('HandlerNotFound', `${name} is undefined or not exported`);
  if (typeof handler !== 'function') throw runtimeError('HandlerNotFound', `${name} is not a function`);
  return handler;
}

async function loadModule(stem, name) {
  const require = createRequire(pathToFileURL(`${env.LAMBDA_TASK_ROOT}/`));
  const load = { '.mjs': (file) => import(pathToFileURL(file).href), '.cjs': require };
  load['.js'] = isEsModulePackage(path.dirname(stem)) ? load['.mjs'] : require;
  try {
    for (const extension of ['.js', '.mjs', '.cjs']) {
      if (existsSync(stem + extension)) return await load[extension](stem + extension);
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw runtimeError('UserCodeSyntaxError', String(error), error);
    if (['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND'].includes(error?.code)) {
      throw runtimeError('ImportModuleError', String(error), error);
    }
    throw error;
  }
  throw runtimeError('ImportModuleError', `Error: Cannot find module '${name}'`);
}

function isEsModulePackage(folder) {
  const file = path.join(folder, 'package.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')).type === 'module';
  if (path.basename(folder) === 'node_modules' || folder === path.dirname(folder)) return false;
  return isEsModulePackage(path.dirname(folder));
}

function runtimeError(type, message, cause) {
  const error = new Error(message, { cause });
  error.name = `Runtime.${type}`;
  return error;
}

/** An error as Lambda's callers see it. */
function errorBody(error) {
  if (!types.isNativeError(error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  const { name, message, stack, reason } = error;
  const body = { errorType: name, errorMessage: message };
  if (reason !== undefined) body.reason = reason;
  return { ...body, trace: (stack ?? '').split('\n') };
}

/** One call of the Runtime API; always with Content-Length, since the API takes no body without it. */
function call(method, route, body = '') {
  const content = Buffer.from(body);
  const headers =
    method === 'GET' ? {} : { 'Content-Length': content.length, 'Peak-Memory-Kb': process.resourceUsage().maxRSS };
  // On Linux the peak of the process that started this one counts in; LocalStack reads the kernel's own there.
  if (process.platform === 'linux') delete headers['Peak-Memory-Kb'];
  return new Promise((resolve, reject) => {
    const sent = request(new URL(route, api), { method, headers, agent }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
    });
    sent.on('error', reject);
    sent.end(content);
  });
}

/** Gives each console line the time, the request id and the level. */
function patchConsole() {
  const levels = { log: 'INFO', info: 'INFO', warn: 'WARN', error: 'ERROR', debug: 'DEBUG', trace: 'TRACE' };
  for (const [method, level] of Object.entries(levels)) {
    console[method] = (...values) => write(level, format(...values));
  }
}

function logError(title, error) {
  const { errorType, errorMessage, trace, reason } = errorBody(error);
  const detail = { errorType, errorMessage, code: error?.code, reason, stack: trace };
  write('ERROR', `${title} \t${JSON.stringify(detail)}`);
}

function write(level, message) {
  process.stdout.write(`${new Date().toISOString()}\t${requestId}\t${level}\t${message}\n`);
}
