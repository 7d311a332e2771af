import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import { ZIP } from '../../lambda-bundle.ts';
import { messageOf } from '../../../tool/common/message-of.ts';
import { runCommand } from '../../../tool/common/run-command.ts';
import { SetupError } from '../../../tool/common/setup-error.ts';
import type { AwsRequest, AwsStub } from './aws-stub.ts';
import { ACCOUNT, copyRequest, REGION, SOURCE_ACCOUNT } from './canned-answers.ts';
import { MB_OF_ONE_CPU } from './cpu-limit.ts';
import { environment, nodeRuntime, sqsEvent, stateChange } from './lambda-environment.ts';
import { runProcess } from './lambda-process.ts';

const RECORDING_DELAY_MS = 20;

/** What is measured: a function with the event that it is given. */
export interface Variant {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly event: unknown;
  /** What is uploaded. */
  readonly zipBytes: number;
  /** The name of the one that its time is compared with. */
  readonly floor?: string;
}

export const PEER = 'guardian/amigo';

/** What is not in the repository and makes the comparison closer to Lambda. */
export interface FromOutside {
  /** The class path of guardian/amigo's copier: its jar, and then those of Lambda's runtime client for Java. */
  readonly peer?: string | undefined;
  /** AWS's client of the Runtime API for Node: `index.mjs` of aws-lambda-ric. Without it the emulator's is taken. */
  readonly runtimeClient?: string | undefined;
}

interface VariantOptions extends FromOutside {
  /** Whether each function is measured on Node 24 too, beside itself on Node 22. */
  readonly onNode24: boolean;
}

/**
 * The functions to measure: one that does nothing, then each of ours after one that sends the same requests by hand.
 * @param directory where they are unpacked
 * @throws {SetupError} if Java cannot be run, or a file is missing
 */
export async function prepareVariants(
  directory: string,
  stub: AwsStub,
  { peer, runtimeClient, onNode24 }: VariantOptions,
): Promise<Variant[]> {
  if (runtimeClient !== undefined && !existsSync(runtimeClient)) {
    throw new SetupError(`RUNTIME_CLIENT: there is no file ${runtimeClient}. Name index.mjs of aws-lambda-ric.`);
  }
  const command = nodeRuntime(runtimeClient);
  const shipped = folderOf(directory, 'shipped', unzipSync(readFileSync(ZIP)));
  const node = (name: string, handler: string, folder: string, event: unknown) => ({
    name,
    command,
    env: environment(stub.endpoint, handler, folder),
    event,
  });
  const empty = folderOf(directory, 'empty', { 'index.mjs': Buffer.from('export const handler = async () => {};\n') });
  const variants: Variant[] = [];
  const add = (variant: Variant, handler: string, folder: string) => {
    variants.push(variant);
    if (!onNode24) return;
    const env = environment(stub.endpoint, handler, folder, 24);
    const { name } = variant;
    variants.push({
      ...variant,
      name: `${name} on Node 24`,
      command: nodeRuntime(runtimeClient, 24),
      env,
      floor: name,
    });
  };
  const nothing = node('empty handler', 'index.handler', empty, sqsEvent(copyRequest));
  add({ ...nothing, zipBytes: zippedBytes(empty) }, 'index.handler', empty);
  const byHand = readFileSync(join(import.meta.dirname, 'hand-signed.mjs'));
  for (const [name, event] of [
    ['copy-image', sqsEvent(copyRequest)],
    ['settle-copy', sqsEvent(stateChange)],
  ] as const) {
    const own = { ...node(name, `${name}.handler`, shipped, event), zipBytes: statSync(ZIP).size };
    const steps = Buffer.from(JSON.stringify(await record(own, directory, stub)));
    const folder = folderOf(directory, `${name}-by-hand`, { 'index.mjs': byHand, 'steps.json': steps });
    const floor = { ...node(`${name} by hand`, 'index.handler', folder, event), zipBytes: zippedBytes(folder) };
    variants.push(floor);
    add({ ...own, floor: floor.name }, `${name}.handler`, shipped);
  }
  if (peer !== undefined) variants.push(await peerVariant(peer, directory, stub));
  return variants;
}

/** As its stack has it: Java at 512 MB, with the options that Lambda's runtime of that size gives to Java. */
async function peerVariant(classPath: string, directory: string, { endpoint, certificate }: AwsStub): Promise<Variant> {
  const [jar = ''] = classPath.split(':');
  if (!existsSync(jar)) throw new SetupError(`PEER_JAR: there is no file ${jar}. Name the jar of the peer's copier.`);
  const javaTool = (name: string) => (process.env['JAVA_HOME'] ? join(process.env['JAVA_HOME'], 'bin', name) : name);
  const certificateFile = join(directory, 'certificate.pem');
  writeFileSync(certificateFile, certificate);
  const trustStore = join(directory, 'trust.p12');
  const password = 'changeit';
  const imported = ['-importcert', '-noprompt', '-alias', 'stub', '-file', certificateFile];
  const store = ['-keystore', trustStore, '-storetype', 'PKCS12', '-storepass', password];
  try {
    const logFile = join(directory, 'keytool.log');
    await runCommand(javaTool('keytool'), [...imported, ...store], { env: process.env, logFile });
  } catch (error) {
    throw new SetupError(`${messageOf(error)} Install a JDK, or set JAVA_HOME.`, { cause: error });
  }
  const flags = ['-XX:MaxHeapSize=445645k', '-XX:+UseSerialGC', '-XX:+TieredCompilation', '-XX:TieredStopAtLevel=1'];
  const trust = [`-Djavax.net.ssl.trustStore=${trustStore}`, `-Djavax.net.ssl.trustStorePassword=${password}`];
  const runtime = 'com.amazonaws.services.lambda.runtime.api.client.AWSLambda';
  const handler = 'com.gu.imageCopier.LambdaEntrypoint::run';
  const Message = JSON.stringify(copyRequest);
  return {
    name: PEER,
    command: [javaTool('java'), ...flags, ...trust, '-classpath', classPath, runtime, handler],
    env: { ...environment(endpoint, handler, directory), ACCOUNT_ID: ACCOUNT, ENCRYPTED_TAG_VALUE: 'true' },
    event: { Records: [{ EventSource: 'aws:sns', EventVersion: '1.0', Sns: { ...NOTIFICATION, Message } }] },
    zipBytes: statSync(jar).size,
  };
}

function folderOf(directory: string, name: string, files: Readonly<Record<string, Uint8Array>>): string {
  const folder = join(directory, name);
  mkdirSync(folder);
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
  return folder;
}

function zippedBytes(folder: string): number {
  const files = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))] as const);
  return zipSync(Object.fromEntries(files), { level: 9 }).length;
}

/** What a function asks of AWS for its event, as the floor repeats it. */
async function record(variant: Omit<Variant, 'zipBytes'>, directory: string, stub: AwsStub): Promise<AwsRequest[][]> {
  const { command, env, event } = variant;
  stub.delayMs = RECORDING_DELAY_MS;
  try {
    const logFile = join(directory, 'function.log');
    await runProcess({
      command,
      env,
      memoryMb: 2 * MB_OF_ONE_CPU,
      invocations: 1,
      event,
      beforeEvent: stub.startOver,
      logFile,
    });
    return stub.takeSteps();
  } finally {
    stub.delayMs = 0;
  }
}

const NOTIFICATION = {
  Type: 'Notification',
  MessageId: '94f20ce6-13c5-43a0-9a9e-ca52d816e90b',
  TopicArn: `arn:aws:sns:${REGION}:${SOURCE_ACCOUNT}:amigo-DEMO-notify`,
  Subject: null,
  Timestamp: '2026-11-26T06:00:00.000Z',
  SignatureVersion: '1',
  Signature: '',
  SigningCertUrl: '',
  UnsubscribeUrl: '',
  MessageAttributes: {},
};
