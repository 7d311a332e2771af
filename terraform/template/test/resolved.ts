import type { Template } from '../template.ts';

type Intrinsic = Readonly<Record<string, unknown>>;

/** What CloudFormation makes of a value of the template, as far as this comes from parameters alone; undefined for no value. */
export function resolved(
  value: unknown,
  parameters: Readonly<Record<string, string>>,
  { Conditions }: Pick<Template, 'Conditions'>,
): unknown {
  const inner = (part: unknown) => resolved(part, parameters, { Conditions });
  if (Array.isArray(value)) return value.map(inner).filter((item) => item !== undefined);
  if (typeof value !== 'object' || value === null) return value;
  const [[name, argument] = ['', undefined], ...others] = Object.entries(value as Intrinsic);
  const list = Array.isArray(argument) ? (argument as readonly unknown[]) : [];
  const [first, second, third] = list;
  switch (others.length === 0 ? name : '') {
    case 'Ref':
      return parameters[String(argument)];
    case 'Fn::Sub':
      return String(argument).replaceAll(/\$\{([^}]+)\}/g, (_, key: string) => parameters[key] ?? `no ${key}`);
    case 'Fn::If':
      return inner(inner(Conditions[String(first)]) === true ? second : third);
    case 'Fn::Equals':
      return inner(first) === inner(second);
    case 'Fn::Split':
      return String(inner(second)).split(String(first));
    case 'Fn::Select':
      return (inner(second) as readonly unknown[])[Number(first)];
    default:
      return Object.fromEntries(Object.entries(value as Intrinsic).map(([key, part]) => [key, inner(part)]));
  }
}
