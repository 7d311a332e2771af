import {
  CopyImageCommand,
  CreateTagsCommand,
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
} from '@aws-sdk/client-ec2';
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateGrantCommand, GenerateDataKeyCommand, PutKeyPolicyCommand } from '@aws-sdk/client-kms';
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  InvokeCommand,
  UpdateFunctionCodeCommand,
  type FunctionCode,
} from '@aws-sdk/client-lambda';
import { PublishCommand, SubscribeCommand, UnsubscribeCommand } from '@aws-sdk/client-sns';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { GetParameterCommand, GetParametersCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { MARKER } from '../../../lambda/src/core/copy-marker.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { REGION } from '../support/emulator.ts';
import { InVain } from './attack.ts';
import { stranger, ZIP } from './cast.ts';
import type { Identity } from './identity.ts';

type Call = (as: Identity) => Promise<unknown>;

/** EC2 answers with a copy that fails for this reason (EBS User Guide, "Copy an Amazon EBS snapshot"). */
export const NOT_ACCESSIBLE = 'failed: Given key ID is not accessible';

/** A request that reaches no account. */
export const NO_REQUEST = JSON.stringify({ targetAccounts: ['000000000000'] });
/** A retirement of nothing in any account. */
export const NO_RETIREMENT = JSON.stringify({ amis: [{ account: '000000000000', id: 'ami-00000000000000000' }] });
export const NO_RESULT = JSON.stringify({ source: 'image-copier', 'detail-type': 'Image Copied', detail: {} });

export function publish(TopicArn: string, Message: string): Call {
  return ({ sns }) => sns.send(new PublishCommand({ TopicArn, Message }));
}

/** Subscribes something, a queue of the caller's own if nothing else is named, and takes the subscription away again. */
export function subscribe(TopicArn: string, endpoint?: { readonly Protocol: string; readonly Endpoint: string }): Call {
  return async ({ sns, account }) => {
    const own = { Protocol: 'sqs', Endpoint: `arn:aws:sqs:${REGION}:${account}:attack` };
    const { SubscriptionArn } = await sns.send(
      new SubscribeCommand({ TopicArn, ...(endpoint ?? own), ReturnSubscriptionArn: true }),
    );
    await sns.send(new UnsubscribeCommand({ SubscriptionArn }));
  };
}

export function send(QueueUrl: string, MessageBody = NO_REQUEST): Call {
  const group = QueueUrl.endsWith('.fifo') ? { MessageGroupId: 'settle' } : {};
  return ({ sqs }) => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, ...group }));
}

/** Looks whether there is a message, and leaves it there. */
export function receive(QueueUrl: string): Call {
  return ({ sqs }) => sqs.send(new ReceiveMessageCommand({ QueueUrl, VisibilityTimeout: 0 }));
}

export function getParameter(Name: string): Call {
  return ({ ssm }) => ssm.send(new GetParameterCommand({ Name }));
}

export function getParameters(...Names: string[]): Call {
  return ({ ssm }) => ssm.send(new GetParametersCommand({ Names }));
}

export function putParameter(Name: string): Call {
  return ({ ssm }) => ssm.send(new PutParameterCommand({ Name, Value: 'attack', Type: 'String', Overwrite: true }));
}

export function putEvent(Source: string, EventBusName = 'default'): Call {
  const entry = { Source, DetailType: 'Image Copied', Detail: '{}', EventBusName };
  return ({ events }) => events.send(new PutEventsCommand({ Entries: [entry] }));
}

export function useKey(KeyId: () => string): Call {
  return ({ kms }) => kms.send(new GenerateDataKeyCommand({ KeyId: KeyId(), KeySpec: 'AES_256' }));
}

export function grantKey(KeyId: () => string): Call {
  const GranteePrincipal = `arn:aws:iam::${stranger.account}:root`;
  return ({ kms }) => kms.send(new CreateGrantCommand({ KeyId: KeyId(), GranteePrincipal, Operations: ['Decrypt'] }));
}

export function setKeyPolicy(KeyId: () => string, policy: () => Promise<string>): Call {
  return async ({ kms }) =>
    await kms.send(new PutKeyPolicyCommand({ KeyId: KeyId(), PolicyName: 'default', Policy: await policy() }));
}

export function invoke(FunctionName: string): Call {
  return ({ lambda }) => lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify({ Records: [] }) }));
}

export function replaceCode(FunctionName: string): Call {
  return ({ lambda }) => lambda.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: ZIP, DryRun: true }));
}

/** Makes a function with a role and this code, and takes it away again. */
export function makeFunction(
  role: (account: string) => string,
  code: () => FunctionCode = () => ({ ZipFile: ZIP }),
): Call {
  return async ({ account, lambda }) => {
    const FunctionName = 'attack';
    const parts = { Role: role(account), Runtime: 'nodejs22.x', Handler: 'copy-image.handler', Code: code() } as const;
    await lambda.send(new CreateFunctionCommand({ FunctionName, ...parts }));
    await lambda.send(new DeleteFunctionCommand({ FunctionName }));
  };
}

/** Gives a role a policy, which is of no use. */
export function widen(RoleName: string): Call {
  const PolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Action: 'sts:GetCallerIdentity', Resource: '*' },
  });
  return ({ iam }) => iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'attack', PolicyDocument }));
}

export function tag(resource: () => string, value: string, key = MARKER): Call {
  return ({ ec2 }) => ec2.send(new CreateTagsCommand({ Resources: [resource()], Tags: [{ Key: key, Value: value }] }));
}

export function deregister(image: () => string): Call {
  return ({ ec2 }) => ec2.send(new DeregisterImageCommand({ ImageId: image() }));
}

export function deleteSnapshot(snapshot: () => string): Call {
  return ({ ec2 }) => ec2.send(new DeleteSnapshotCommand({ SnapshotId: snapshot() }));
}

export function shareImageWith(account: string, image: () => string): Call {
  return ({ ec2 }) =>
    ec2.send(new ModifyImageAttributeCommand({ ImageId: image(), LaunchPermission: { Add: [{ UserId: account }] } }));
}

export function shareSnapshotWith(account: string, snapshot: () => string): Call {
  const change = {
    Attribute: 'createVolumePermission' as const,
    CreateVolumePermission: { Add: [{ UserId: account }] },
  };
  return ({ ec2 }) => ec2.send(new ModifySnapshotAttributeCommand({ SnapshotId: snapshot(), ...change }));
}

/** Copies an image under a key. EC2 asks for the key when it has answered already. */
export function copy(image: () => string, key: () => string): Call {
  return async ({ ec2 }) => {
    const request = { SourceImageId: image(), SourceRegion: REGION, Name: 'attack', Encrypted: true, KmsKeyId: key() };
    const { ImageId = '' } = await ec2.send(new CopyImageCommand(request));
    const { State, StateReason } = await waitFor('the copy to end', async () => {
      const { Images: [each] = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [ImageId] }));
      return each?.State === 'pending' ? undefined : each;
    });
    if (State === 'available') return;
    const { Message = '' } = StateReason ?? {};
    throw new InVain(Message.includes('Given key ID is not accessible') ? NOT_ACCESSIBLE : Message);
  };
}
