/** A variable of an HCL module, as far as a parameter of a template can be made from it. */
export interface Variable {
  readonly name: string;
  readonly description: string;
  readonly type: string;
  /** Its default as HCL; none if the variable is required. */
  readonly defaultValue: string | undefined;
  /** The conditions of its validations. */
  readonly conditions: readonly string[];
  readonly errorMessage: string | undefined;
}

/**
 * Reads a variables.tf as `terraform fmt` leaves it, each argument on a line of its own.
 * @throws {Error} if a block says less than a description and a type
 */
export function readVariables(hcl: string): Variable[] {
  return Array.from(hcl.matchAll(/^variable "(\w+)" \{\n(.*?)^\}$/gms), ([, name = '', body = '']) => {
    const argument = (key: string) => new RegExp(`^ {2}${key} += (.+)$`, 'm').exec(body)?.[1];
    const description = argument('description');
    const type = argument('type');
    if (description === undefined || type === undefined) throw new Error(`${name}: no description or no type`);
    const errorMessage = /^ {4}error_message += (".+")$/m.exec(body)?.[1];
    return {
      name,
      description: text(description),
      type,
      defaultValue: argument('default'),
      conditions: Array.from(body.matchAll(/^ {4}condition += (.+)$/gm), ([, condition = '']) => condition),
      errorMessage: errorMessage === undefined ? undefined : text(errorMessage),
    };
  });
}

/** The text of an HCL string without interpolation. Its escapes are those of JSON. */
export function text(hcl: string): string {
  return JSON.parse(hcl) as string;
}
