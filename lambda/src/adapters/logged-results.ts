import {
  CreateLogStreamCommand,
  GetLogEventsCommand,
  PutLogEventsCommand,
  type CloudWatchLogsClient,
  type OutputLogEvent,
} from '@aws-sdk/client-cloudwatch-logs';
import { readGivenResult, type GivenResult, type GivenResults } from '../core/watch-requests.ts';

/** Results in a log group, those of each source image in a stream with its id as the name. */
export class LoggedResults implements GivenResults {
  readonly #logs: CloudWatchLogsClient;
  readonly #group: string;
  readonly #nowMs: () => number;

  constructor(logs: CloudWatchLogsClient, group: string, nowMs: () => number) {
    this.#logs = logs;
    this.#group = group;
    this.#nowMs = nowMs;
  }

  async note(result: GivenResult): Promise<void> {
    try {
      await this.#put(result);
    } catch (error) {
      if (!isNamed(error, 'ResourceNotFoundException')) throw error;
      await this.#createStream(result.sourceAmi);
      await this.#put(result);
    }
  }

  async of(sourceAmi: string): Promise<readonly GivenResult[]> {
    return (await this.#read(sourceAmi)).flatMap(({ message = '' }) => readGivenResult(message) ?? []);
  }

  async #put({ sourceAmi, account, settledAt, reason }: GivenResult): Promise<void> {
    const message = JSON.stringify({ sourceAmi, account, settledAt, reason });
    const { rejectedLogEventsInfo } = await this.#logs.send(
      new PutLogEventsCommand({
        logGroupName: this.#group,
        logStreamName: sourceAmi,
        logEvents: [{ timestamp: this.#nowMs(), message }],
      }),
    );
    // CloudWatch Logs API Reference, PutLogEvents: the answer is 200 also for events that were not taken.
    if (rejectedLogEventsInfo)
      throw new Error(`CloudWatch Logs took no event: ${JSON.stringify(rejectedLogEventsInfo)}`);
  }

  async #createStream(logStreamName: string): Promise<void> {
    try {
      await this.#logs.send(new CreateLogStreamCommand({ logGroupName: this.#group, logStreamName }));
    } catch (error) {
      // Another result of the same image came at the same moment.
      if (!isNamed(error, 'ResourceAlreadyExistsException')) throw error;
    }
  }

  async #read(logStreamName: string): Promise<OutputLogEvent[]> {
    const found: OutputLogEvent[] = [];
    let token: string | undefined;
    // GetLogEvents: a page may be empty, and the end is there when the token stays the same.
    for (;;) {
      try {
        const { events = [], nextForwardToken } = await this.#logs.send(
          new GetLogEventsCommand({
            logGroupName: this.#group,
            logStreamName,
            startFromHead: true,
            ...(token !== undefined && { nextToken: token }),
          }),
        );
        found.push(...events);
        if (nextForwardToken === undefined || nextForwardToken === token) return found;
        token = nextForwardToken;
      } catch (error) {
        // No account has given a result of this image.
        if (isNamed(error, 'ResourceNotFoundException')) return [];
        throw error;
      }
    }
  }
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
