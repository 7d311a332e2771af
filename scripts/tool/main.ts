import { createProgram } from './program.ts';
import { runProgram } from './run-program.ts';

// The SDK says on each start that it will want Node 22 one day. That is nothing for the one who runs this.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

await runProgram(createProgram());
