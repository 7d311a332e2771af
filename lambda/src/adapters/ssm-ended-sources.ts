import {
  DeleteParameterCommand,
  GetParameterCommand,
  paginateGetParametersByPath,
  PutParameterCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import * as z from 'zod/mini';
import { formatSourceEnd, type EndedSource, type EndedSources, type SourceEnd } from '../core/ended-sources.ts';
import { asError, RetryableError, UncertainError } from '../core/errors.ts';
import { spellOutHidden } from '../core/hidden-characters.ts';
import { PARAMETER_PAGE_SIZE, parameterValues } from './ssm-image-parameters.ts';

/** Where the ends of a copier's source images are noted. Beside the parameters of recipes, so that nobody lists them with those. */
export function endedSourcesPath(copier: string): string {
  return `/image-copier-ended/${copier}`;
}

const sourceEnd = z.object({
  kind: z.enum(['retired', 'revoked', 'unrevoked']),
  at: z.string(),
  reason: z.string(),
});

export class SsmEndedSources implements EndedSources {
  readonly #ssm: SSMClient;
  readonly #path: string;

  constructor(ssm: SSMClient, copier: string) {
    this.#ssm = ssm;
    this.#path = endedSourcesPath(copier);
  }

  async find(sourceImageId: string): Promise<SourceEnd | undefined> {
    const Name = this.#nameOf(sourceImageId);
    try {
      const { Parameter } = await this.#ssm.send(new GetParameterCommand({ Name }));
      return readSourceEnd(Name, Parameter?.Value);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw classifySsmError(error);
    }
  }

  async findAll(sourceImageIds: readonly string[]): Promise<Map<string, SourceEnd | Error>> {
    try {
      const values = await parameterValues(
        this.#ssm,
        sourceImageIds.map((id) => this.#nameOf(id)),
      );
      return new Map(Array.from(values, ([name, value]) => [this.#sourceOf(name), readOrError(name, value)]));
    } catch (error) {
      throw classifySsmError(error);
    }
  }

  async note(sourceImageId: string, end: SourceEnd): Promise<void> {
    await this.#ssm.send(
      new PutParameterCommand({
        Name: this.#nameOf(sourceImageId),
        Value: withoutBraces(formatSourceEnd(end)),
        Type: 'String',
        Overwrite: true,
      }),
    );
  }

  async forget(sourceImageId: string): Promise<void> {
    try {
      await this.#ssm.send(new DeleteParameterCommand({ Name: this.#nameOf(sourceImageId) }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async list(): Promise<EndedSource[]> {
    const found: EndedSource[] = [];
    const pages = paginateGetParametersByPath(
      { client: this.#ssm, pageSize: PARAMETER_PAGE_SIZE },
      { Path: this.#path },
    );
    for await (const { Parameters = [] } of pages) {
      for (const { Name = '', Value } of Parameters) {
        found.push({ sourceImageId: this.#sourceOf(Name), ...readSourceEnd(Name, Value) });
      }
    }
    return found;
  }

  #nameOf(sourceImageId: string): string {
    return `${this.#path}/${sourceImageId}`;
  }

  #sourceOf(name: string): string {
    return name.slice(this.#path.length + 1);
  }
}

/** SSM API Reference, PutParameter: no value may have `{{}}` in it. In JSON they can be written otherwise, and the reason may have any text. */
export function withoutBraces(json: string): string {
  return json.replaceAll('{{', String.raw`{\u007b`);
}

/**
 * The end that a parameter notes.
 * @throws {Error} naming the parameter, if somebody has changed it by hand to what cannot be read
 */
export function readSourceEnd(name: string, value = ''): SourceEnd {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch {
    // Nothing is no end either.
  }
  const { data } = sourceEnd.safeParse(json);
  if (!data) throw new Error(`The parameter ${name} is not as this copier writes it. Delete it, or set it as it was.`);
  return data;
}

function readOrError(name: string, value: string): SourceEnd | Error {
  try {
    return readSourceEnd(name, value);
  } catch (error) {
    return asError(error);
  }
}

/** A right that is missing may just not have spread yet; whatever else SSM answers, it may answer otherwise later. */
function classifySsmError(error: unknown): RetryableError {
  const { name, message } = asError(error);
  const text = `${name}: ${spellOutHidden(message)}`;
  const Kind = name === 'AccessDeniedException' ? UncertainError : RetryableError;
  return new Kind(name, text, { cause: error });
}

export function isNotFound(error: unknown): boolean {
  return error instanceof Error && error.name === 'ParameterNotFound';
}
