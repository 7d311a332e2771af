/** A value in a CloudFormation template. */
export type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value };

/** A resource of a template. */
export interface Resource {
  readonly Type: string;
  readonly Condition?: string;
  readonly Properties: Readonly<Record<string, Value>>;
  readonly DependsOn?: readonly string[];
  readonly DeletionPolicy?: 'Retain' | 'RetainExceptOnCreate';
  readonly UpdateReplacePolicy?: 'Retain';
}

export type Resources = Readonly<Record<string, Resource>>;

export const REGION = ref('AWS::Region');
/** In place of a property, it leaves the property out; in place of an item, the item. */
export const NO_VALUE = ref('AWS::NoValue');

/** ARNs of images and snapshots hold no account. */
export const IMAGES = sub('arn:${AWS::Partition}:ec2:${AWS::Region}::image/*');
export const SNAPSHOTS = sub('arn:${AWS::Partition}:ec2:${AWS::Region}::snapshot/*');
/** For `sub`: the parameters with the newest copy of each recipe, and those of the images that are never copied again. */
export const PARAMETERS = 'arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${ParameterPath}';
export const ENDED_SOURCES =
  'arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/image-copier-ended/${Name}';
/** For `sub`: what settle-copy asked for by itself, and what copy-image rejected. */
export const ASKED_IMAGES =
  'arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/image-copier-requests/${Name}/asked';
export const REFUSED_REQUESTS =
  'arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/image-copier-requests/${Name}/refused';
/** The value of the tag ImageCopier on everything that this copier made begins so; see lambda/src/core/copy-marker.ts. */
export const OWN_MARKER = sub('${Name} *');

/** The value of a parameter, or what names a resource. */
export function ref(name: string): Value {
  return { Ref: name };
}

export function attribute(resource: string, name: string): Value {
  return { 'Fn::GetAtt': [resource, name] };
}

/** A text with `${...}` for parameters, resources and the given values. */
export function sub(text: string, values?: Readonly<Record<string, Value>>): Value {
  return { 'Fn::Sub': values ? [text, values] : text };
}

export function choose(condition: string, then: Value, otherwise: Value): Value {
  return { 'Fn::If': [condition, then, otherwise] };
}

export function join(separator: string, parts: Value): Value {
  return { 'Fn::Join': [separator, parts] };
}

export function split(separator: string, text: Value): Value {
  return { 'Fn::Split': [separator, text] };
}

export function select(index: number, list: Value): Value {
  return { 'Fn::Select': [index, list] };
}

/** A part of an ARN, arn:<partition>:<service>:<region>:<account>:<name>, that a parameter holds. */
export function arnPart(parameter: string, part: 'account' | 'name'): Value {
  return select(part === 'account' ? 4 : 5, split(':', ref(parameter)));
}
