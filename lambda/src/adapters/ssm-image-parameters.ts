import {
  GetParameterCommand,
  GetParametersCommand,
  paginateGetParametersByPath,
  PutParameterCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import type { ImageParameter, ImageParameters } from '../core/image-parameters.ts';

// SSM API Reference, GetParameters and GetParametersByPath: at most 10 at a time.
export const PARAMETER_PAGE_SIZE = 10;

/** The values of parameters, by the names of those that are there. */
export async function parameterValues(ssm: SSMClient, names: readonly string[]): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  for (let start = 0; start < names.length; start += PARAMETER_PAGE_SIZE) {
    const Names = names.slice(start, start + PARAMETER_PAGE_SIZE);
    const { Parameters = [] } = await ssm.send(new GetParametersCommand({ Names }));
    for (const { Name = '', Value = '' } of Parameters) values.set(Name, Value);
  }
  return values;
}

export class SsmImageParameters implements ImageParameters {
  readonly #ssm: SSMClient;
  readonly #path: string;

  constructor(ssm: SSMClient, path: string) {
    this.#ssm = ssm;
    this.#path = path;
  }

  /** The image that a parameter points to, if it is there. */
  async get(name: string): Promise<string | undefined> {
    try {
      const { Parameter } = await this.#ssm.send(new GetParameterCommand({ Name: name }));
      return Parameter?.Value;
    } catch (error) {
      if (error instanceof Error && error.name === 'ParameterNotFound') return undefined;
      throw error;
    }
  }

  async getAll(names: readonly string[]): Promise<Map<string, string>> {
    return await parameterValues(this.#ssm, names);
  }

  async put(name: string, imageId: string): Promise<void> {
    await this.#ssm.send(
      new PutParameterCommand({
        Name: name,
        Value: imageId,
        Type: 'String',
        // So that instances can be launched by the parameter; SSM stores only an image that this account can launch.
        DataType: 'aws:ec2:image',
        Overwrite: true,
      }),
    );
  }

  async list(): Promise<ImageParameter[]> {
    const found: ImageParameter[] = [];
    const pages = paginateGetParametersByPath(
      { client: this.#ssm, pageSize: PARAMETER_PAGE_SIZE },
      { Path: this.#path, Recursive: true },
    );
    for await (const { Parameters = [] } of pages) {
      found.push(...Parameters.map(({ Name = '', Value = '' }) => ({ name: Name, imageId: Value })));
    }
    return found;
  }
}
