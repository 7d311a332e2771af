import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface StandInOptions {
  readonly source: string;
  readonly accounts: readonly string[];
  readonly region: string;
  readonly badImage: string;
  /** Recipes with copies in each account; the bad image is the newest of the first. */
  readonly recipes: number;
  /** Added to each call, in milliseconds. */
  readonly latency: number;
  /** The share of calls that fail, 0 to 1. */
  readonly failing: number;
  /** Takes what the topic for housekeeping delivers to an account. */
  readonly deliver: (account: string, body: string) => void;
}

interface Image {
  readonly id: string;
  state: 'available' | 'disabled';
  readonly source: string;
  readonly createdAt: string;
  readonly tags: Map<string, string>;
}

interface Account {
  readonly images: Map<string, Image>;
  readonly parameters: Map<string, string>;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const VERSIONS = 3;

/**
 * As much of EC2, SSM, SNS, SQS, STS and EventBridge as a revocation calls, for one source account and many others, in memory. A call
 * belongs to the account whose id its access key begins with.
 */
export class RevocationStandIn {
  calls = 0;
  failed = 0;
  readonly #options: StandInOptions;
  readonly #accounts: ReadonlyMap<string, Account>;
  readonly #server: Server;
  /** Of the queue that the command listens with. */
  #inbox: { body: string; handle: string }[] = [];
  #isSubscribed = false;

  private constructor(options: StandInOptions, server: Server) {
    this.#options = options;
    this.#server = server;
    const { source, accounts, badImage, region } = options;
    const bad = {
      id: badImage,
      state: 'available' as const,
      source: '',
      createdAt: bakedAt(VERSIONS),
      tags: new Map(),
    };
    this.#accounts = new Map([
      [source, { images: new Map([[badImage, bad]]), parameters: new Map() }],
      ...accounts.map((id): [string, Account] => [id, accountWith(id, region, badImage, options.recipes)]),
    ]);
  }

  static async open(options: StandInOptions): Promise<RevocationStandIn> {
    const server = createServer((request, response) => {
      void answer(request).then(({ status, body }) => {
        response.writeHead(status, {
          'content-type': body.startsWith('{') ? 'application/x-amz-json-1.0' : 'text/xml',
        });
        response.end(body);
      });
    });
    const standIn = new RevocationStandIn(options, server);
    const answer = async (request: IncomingMessage): Promise<Answer> => await standIn.#answer(request);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return standIn;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The copies of the bad image, and what was made of them, that can be launched in an account. */
  launchable(account: string): string[] {
    const images = [...this.#account(account).images.values()];
    const bad = new Set([this.#options.badImage]);
    // Copies come before what was made of them.
    for (const image of images) if (bad.has(image.source)) bad.add(image.id);
    return images.filter(({ id, state }) => bad.has(id) && state === 'available').map(({ id }) => id);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    this.calls += 1;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    await sleep(this.#options.latency);
    const target = String(request.headers['x-amz-target'] ?? '');
    const [, key = ''] = /Credential=([^/]+)/.exec(String(request.headers.authorization)) ?? [];
    const account = key.slice(-12);
    if (Math.random() < this.#options.failing) {
      this.failed += 1;
      return target ? failure('InternalServerError') : xmlFailure('InternalError');
    }
    if (target) {
      const input = JSON.parse(body) as Record<string, unknown>;
      return await this.#json(account, target.split('.').at(-1) ?? '', input);
    }
    return this.#query(account, new URLSearchParams(body));
  }

  #account(id: string): Account {
    const account = this.#accounts.get(id);
    if (!account) throw new Error(`The stand-in has no account ${id}.`);
    return account;
  }

  #query(accountId: string, input: URLSearchParams): Answer {
    const action = input.get('Action') ?? '';
    const account = this.#account(accountId);
    const image = account.images.get(input.get('ImageId') ?? input.get('ResourceId.1') ?? '');
    switch (action) {
      case 'AssumeRole': {
        const id = input.get('RoleArn')?.split(':')[4] ?? '';
        const credentials = `<AccessKeyId>AKIA${id}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>`;
        return xml(action, `<AssumeRoleResult><Credentials>${credentials}</Credentials></AssumeRoleResult>`);
      }
      case 'DescribeImages': {
        const named = input.get('ImageId.1');
        // Asked for by its id, it is the source account's, which is shared with nobody any more.
        if (named !== null && !account.images.has(named)) return xmlFailure('InvalidAMIID.NotFound', 400);
        const isFiltered = input.get('Filter.1.Name') === 'image-id';
        const wanted = isFiltered ? [input.get('Filter.1.Value.1') ?? ''] : [...account.images.keys()];
        const items = wanted.flatMap((id) => account.images.get(id) ?? []).map((each) => imageItem(each, accountId));
        return xml(action, `<imagesSet>${items.join('')}</imagesSet>`);
      }
      case 'DescribeImageAttribute': {
        const shared = this.#options.accounts.map((id) => `<item><userId>${id}</userId></item>`).join('');
        return xml(action, `<launchPermission>${shared}</launchPermission>`);
      }
      case 'DescribeSnapshots': {
        const ids = [...input].flatMap(([name, value]) => (/^Filter\.1\.Value\.\d+$/.test(name) ? [value] : []));
        const items = ids.map(
          (id) =>
            `<item><snapshotId>${id}</snapshotId><encrypted>true</encrypted><kmsKeyId>${keyOf(accountId, this.#options.region)}</kmsKeyId></item>`,
        );
        return xml(action, `<snapshotSet>${items.join('')}</snapshotSet>`);
      }
      case 'DescribeInstances':
        return xml(
          action,
          `<reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><imageId>${input.get('Filter.1.Value.1') ?? ''}</imageId></item></instancesSet></item></reservationSet>`,
        );
      case 'DisableImage':
        if (image) image.state = 'disabled';
        return xml(action, '<return>true</return>');
      case 'CreateTags':
        image?.tags.set(input.get('Tag.1.Key') ?? '', input.get('Tag.1.Value') ?? '');
        return xml(action, '<return>true</return>');
      case 'Subscribe':
        this.#isSubscribed = true;
        return xml(action, '<SubscribeResult><SubscriptionArn>arn:subscription</SubscriptionArn></SubscribeResult>');
      case 'Unsubscribe':
        return xml(action, '');
      case 'Publish':
        this.#publish(input.get('TopicArn') ?? '', input.get('Message') ?? '');
        return xml(action, `<PublishResult><MessageId>${randomUUID()}</MessageId></PublishResult>`);
      default:
        throw new Error(`The stand-in knows no ${action}.`);
    }
  }

  #publish(topic: string, message: string): void {
    if (topic.endsWith('-housekeeping')) for (const id of this.#options.accounts) this.#options.deliver(id, message);
    else if (this.#isSubscribed) this.#inbox.push({ body: message, handle: randomUUID() });
  }

  async #json(accountId: string, action: string, input: Record<string, unknown>): Promise<Answer> {
    const { parameters } = this.#account(accountId);
    const name = input['Name'] as string;
    const parameter = (each: string) => ({ Name: each, Value: parameters.get(each), Type: 'String', Version: 1 });
    switch (action) {
      case 'GetParameter':
        return parameters.has(name) ? json({ Parameter: parameter(name) }) : failure('ParameterNotFound', 400);
      case 'GetParameters': {
        const names = input['Names'] as readonly string[];
        return json({ Parameters: names.filter((each) => parameters.has(each)).map(parameter) });
      }
      case 'PutParameter':
        parameters.set(name, input['Value'] as string);
        return json({ Version: 2 });
      case 'GetParametersByPath': {
        const path = `${String(input['Path'])}/`;
        return json({ Parameters: [...parameters.keys()].filter((each) => each.startsWith(path)).map(parameter) });
      }
      case 'PutEvents':
        return json({ FailedEntryCount: 0, Entries: [{ EventId: randomUUID() }] });
      case 'CreateQueue':
        return json({ QueueUrl: `${this.url}/${accountId}/inbox` });
      case 'GetQueueAttributes':
        return json({ Attributes: {} });
      case 'ReceiveMessage': {
        // Long polling, of a second at the most.
        for (let waited = 0; this.#inbox.length === 0 && waited < 1000; waited += 50) await sleep(50);
        const Messages = this.#inbox.splice(0, 10).map(({ body, handle }) => ({
          MessageId: randomUUID(),
          ReceiptHandle: handle,
          Body: body,
          MD5OfBody: createHash('md5').update(body).digest('hex'),
        }));
        return json(Messages.length > 0 ? { Messages } : {});
      }
      case 'DeleteMessageBatch': {
        const entries = input['Entries'] as readonly { readonly Id: string }[];
        return json({ Successful: entries.map(({ Id }) => ({ Id })), Failed: [] });
      }
      case 'DeleteQueue':
        return json({});
      default:
        throw new Error(`The stand-in knows no ${action}.`);
    }
  }
}

/** The key of an account's copier. */
export function keyOf(account: string, region: string): string {
  return `arn:aws:kms:${region}:${account}:key/11111111-2222-3333-4444-555555555555`;
}

/** Copies of each recipe, one that somebody made of the bad copy, and the parameters. */
function accountWith(id: string, region: string, badImage: string, recipes: number): Account {
  const images = new Map<string, Image>();
  const parameters = new Map<string, string>();
  const add = (imageId: string, source: string, createdAt: string, tags: Record<string, string>) => {
    images.set(imageId, { id: imageId, state: 'available', source, createdAt, tags: new Map(Object.entries(tags)) });
  };
  for (let recipe = 0; recipe < recipes; recipe += 1) {
    for (let version = 1; version <= VERSIONS; version += 1) {
      const hex = `${recipe.toString(16).padStart(4, '0')}${version.toString(16).padStart(4, '0')}`;
      const isBad = recipe === 0 && version === VERSIONS;
      const at = bakedAt(version);
      const marker = `image-copier announced=${at} attempt=1 baked=${at} key=${keyOf(id, region).split('/')[1] ?? ''}`;
      add(`ami-0c${hex}`, isBad ? badImage : `ami-0a${hex}`, at, { Recipe: `recipe-${recipe}`, ImageCopier: marker });
      parameters.set(`/image-copier/recipe-${recipe}`, `ami-0c${hex}`);
      if (isBad) add('ami-0dddddddddddddddd', `ami-0c${hex}`, at, { Name: 'made of a copy' });
    }
  }
  return { images, parameters };
}

function bakedAt(version: number): string {
  return `2026-11-2${version}T10:00:00.000Z`;
}

function imageItem({ id, state, source, createdAt, tags }: Image, owner: string): string {
  const made = source ? `<sourceImageId>${source}</sourceImageId><sourceImageRegion>eu-west-1</sourceImageRegion>` : '';
  const tagSet = Array.from(tags, ([key, value]) => `<item><key>${key}</key><value>${value}</value></item>`).join('');
  const ebs = `<ebs><snapshotId>snap-of-${id}</snapshotId><encrypted>true</encrypted></ebs>`;
  return (
    `<item><imageId>${id}</imageId><imageOwnerId>${owner}</imageOwnerId><imageState>${state}</imageState>${made}` +
    `<name>${id}</name><creationDate>${createdAt}</creationDate><tagSet>${tagSet}</tagSet>` +
    `<blockDeviceMapping><item><deviceName>/dev/xvda</deviceName>${ebs}</item></blockDeviceMapping></item>`
  );
}

function xml(action: string, content: string): Answer {
  return { status: 200, body: `<${action}Response><requestId>1</requestId>${content}</${action}Response>` };
}

function xmlFailure(code: string, status = 500): Answer {
  const error = `<Code>${code}</Code><Message>It failed.</Message>`;
  return {
    status,
    body: `<Response><Errors><Error>${error}</Error></Errors><Error>${error}</Error><RequestID>1</RequestID></Response>`,
  };
}

function json(content: object): Answer {
  return { status: 200, body: JSON.stringify(content) };
}

function failure(type: string, status = 500): Answer {
  return { status, body: JSON.stringify({ __type: type, message: 'It failed.' }) };
}
