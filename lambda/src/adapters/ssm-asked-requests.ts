import {
  GetParameterCommand,
  paginateGetParametersByPath,
  PutParameterCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import * as z from 'zod/mini';
import type { AskedImages, Refusal, RefusedRequests } from '../core/asked-requests.ts';
import { PARAMETER_PAGE_SIZE } from './ssm-image-parameters.ts';
import { isNotFound, withoutBraces } from './ssm-ended-sources.ts';

/** Where a copier notes what it asked for by itself. */
function askedPath(copier: string): string {
  return `/image-copier-requests/${copier}/asked`;
}

/** Where it notes what it rejected. */
function refusedPath(copier: string): string {
  return `/image-copier-requests/${copier}/refused`;
}

// SSM API Reference, PutParameter: a standard parameter holds 4 KB. An id has at most 36 characters here, a time in seconds 10.
const IMAGES_A_PARAMETER = 80;

/**
 * Many images a parameter, since SSM takes few new values a second (Systems Manager User Guide, "Changing Parameter Store throughput"):
 * an account that was added asks for some hundred images at once.
 */
export class SsmAskedImages implements AskedImages {
  readonly #ssm: SSMClient;
  readonly #path: string;

  constructor(ssm: SSMClient, copier: string) {
    this.#ssm = ssm;
    this.#path = askedPath(copier);
  }

  async list(): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>();
    const pages = paginateGetParametersByPath(
      { client: this.#ssm, pageSize: PARAMETER_PAGE_SIZE },
      { Path: this.#path },
    );
    for await (const { Parameters = [] } of pages) {
      for (const [, imageId = '', seconds] of Parameters.flatMap(({ Value = '' }) => [...Value.matchAll(NOTED)])) {
        // Parameters that are not written any more may name an image with an earlier time.
        found.set(imageId, Math.max(found.get(imageId) ?? 0, Number(seconds) * 1000));
      }
    }
    return found;
  }

  async note(asked: ReadonlyMap<string, number>): Promise<void> {
    const texts = Array.from(asked, ([imageId, atMs]) => `${imageId}=${Math.floor(atMs / 1000)}`);
    for (let start = 0; start < texts.length; start += IMAGES_A_PARAMETER) {
      const Name = `${this.#path}/${start / IMAGES_A_PARAMETER}`;
      const Value = texts.slice(start, start + IMAGES_A_PARAMETER).join(' ');
      await this.#ssm.send(new PutParameterCommand({ Name, Value, Type: 'String', Overwrite: true }));
    }
  }
}

const NOTED = /(ami-[0-9a-f]{1,32})=([0-9]{10,11})/g;

const refusal = z.object({ digest: z.string(), at: z.string(), reason: z.string() });

export class SsmRefusedRequests implements RefusedRequests {
  readonly #ssm: SSMClient;
  readonly #path: string;

  constructor(ssm: SSMClient, copier: string) {
    this.#ssm = ssm;
    this.#path = refusedPath(copier);
  }

  async find(sourceImageId: string): Promise<Refusal | undefined> {
    try {
      const { Parameter } = await this.#ssm.send(new GetParameterCommand({ Name: this.#nameOf(sourceImageId) }));
      return read(Parameter?.Value);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async note(sourceImageId: string, { digest, at, reason }: Refusal): Promise<void> {
    await this.#ssm.send(
      new PutParameterCommand({
        Name: this.#nameOf(sourceImageId),
        Value: withoutBraces(JSON.stringify({ digest, at, reason: reason.slice(0, MAX_REASON) })),
        Type: 'String',
        Overwrite: true,
      }),
    );
  }

  #nameOf(sourceImageId: string): string {
    return `${this.#path}/${sourceImageId}`;
  }
}

// What AWS says may be long, and a character may take six in JSON: all stays below the 4 KB of a standard parameter.
const MAX_REASON = 500;

/** What somebody has written over by hand is no refusal: it is asked for once more, and noted again. */
function read(value = ''): Refusal | undefined {
  try {
    return refusal.safeParse(JSON.parse(value)).data;
  } catch {
    return undefined;
  }
}
