import type { Image, Snapshot } from '@aws-sdk/client-ec2';
import type { Message } from '@aws-sdk/client-sqs';
import { expectedTags } from '../../scripts/dev/inspect-copy.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import type { Announcement } from '../tests/support/results-inbox.ts';
import { copyIdIn, isStrangers, type AccountRun } from './account-run.ts';
import { isOurs, markerOf, parsedMarker, tagsIn, type ForeignCopy } from './account-view.ts';
import { checkEnds } from './check-ends.ts';
import type { NotedCall } from './execution-environment.ts';
import { ALWAYS, REFUSAL } from './plan.ts';

/** How a run ended in an account. */
export interface AccountEnd {
  readonly copies: number;
  readonly deadLetters: number;
  readonly announcements: number;
  readonly repeatedAnnouncements: number;
  /** Images that were asked for and have neither a copy nor a dead letter. */
  readonly lost: number;
  /** Images with more than one copy. */
  readonly doubled: number;
  /** Images that went into quarantine, and out of the account, that were launchable again, and so on. */
  readonly ended: Readonly<Record<string, number>>;
  /** Which invariant of the design is broken, and by what. */
  readonly violations: readonly string[];
}

const MOST_ATTEMPTS = 3;
const COPY_RESULTS = ['Image Copied', 'Image Copy Failed'];

/** Looks at all that stands in an account at rest, and at all calls that the functions made. */
export async function checkAccount(run: AccountRun): Promise<AccountEnd> {
  const { onBus, onTopic } = await announcementsOf(run);
  const isOfCopy = ({ 'detail-type': type }: Announcement) => COPY_RESULTS.includes(type);
  const standing = {
    images: await run.view.images(),
    snapshots: await run.view.snapshots(),
    parameters: await run.view.parameters(),
    letters: await run.view.deadLetters(),
  };
  run.violations.push(...checkEnds(run, { ...standing, onBus }));
  const told = (kind: string) => onBus.filter(({ 'detail-type': type }) => type === kind).length;
  const check = new AccountCheck(
    run,
    { ...standing, onBus: onBus.filter(isOfCopy), onTopic: onTopic.filter(isOfCopy) },
    {
      quarantined: told('Image Quarantined'),
      retired: run.ends.removed().size,
      restored: told('Image Restored'),
      revoked: run.ends.decisions.filter(({ kind }) => kind === 'revoke').length,
      unrevoked: run.ends.decisions.filter(({ kind }) => kind === 'unrevoke').length,
      launched: run.ends.launched.length,
    },
  );
  return check.end();
}

interface Standing {
  readonly images: readonly Image[];
  readonly snapshots: readonly Snapshot[];
  readonly parameters: Awaited<ReturnType<AccountRun['view']['parameters']>>;
  readonly letters: readonly Message[];
  readonly onBus: readonly Announcement[];
  readonly onTopic: readonly Announcement[];
}

/** As many as AWS took: they are delivered a little later. */
async function announcementsOf(run: AccountRun): Promise<Pick<Standing, 'onBus' | 'onTopic'>> {
  const taken = (action: string) =>
    run.invocations.flatMap(({ calls }) => calls).filter((call) => call.action === action && isTaken(call)).length;
  return await waitFor('all announcements', async () => {
    const all = await run.results.all();
    const isComplete = all.onBus.length >= taken('events:PutEvents') && all.onTopic.length >= taken('sns:Publish');
    return isComplete ? all : undefined;
  });
}

class AccountCheck {
  readonly #run: AccountRun;
  readonly #standing: Standing;
  readonly #violations: string[];
  readonly #calls: readonly NotedCall[];
  readonly #ended: AccountEnd['ended'];
  readonly #removed: ReadonlySet<string>;
  #lost = 0;
  #doubled = 0;
  #repeated = 0;

  constructor(run: AccountRun, standing: Standing, ended: AccountEnd['ended']) {
    this.#run = run;
    this.#standing = standing;
    this.#ended = ended;
    this.#removed = run.ends.removed();
    this.#violations = [...run.violations];
    this.#calls = run.invocations.flatMap(({ calls }) => calls);
  }

  end(): AccountEnd {
    for (const [index] of this.#run.pool.images.entries()) this.#checkImage(index);
    this.#checkLetters();
    for (const copy of this.#copies()) this.#checkCopy(copy);
    this.#checkForeign();
    this.#checkSnapshots();
    this.#checkTokens();
    this.#checkAnnouncements();
    this.#checkRepeats();
    this.#checkParameters();
    const { letters, onBus } = this.#standing;
    return {
      copies: this.#copies().length,
      deadLetters: letters.length,
      announcements: onBus.length,
      repeatedAnnouncements: this.#repeated,
      lost: this.#lost,
      doubled: this.#doubled,
      ended: this.#ended,
      violations: this.#violations,
    };
  }

  #violated(invariant: string, what: string): void {
    this.#violations.push(`${invariant}: ${what}`);
  }

  /** Our own copies, without those that only say so. */
  #copies(): Image[] {
    return this.#standing.images.filter((image) => isOurs(image) && !this.#foreignOf(image));
  }

  #foreignOf({ ImageId }: Image) {
    return this.#run.foreign.find(({ imageId }) => imageId === ImageId);
  }

  #lettersFor(imageId: string): Message[] {
    return this.#standing.letters.filter(({ Body = '' }) => sourceOf(Body) === imageId);
  }

  /** What became of one source image. */
  #checkImage(index: number): void {
    const { foreign, plan } = this.#run;
    const { imageId } = this.#run.image(index);
    const asked = this.#run.isAsked(index);
    const copies = this.#copies().filter(({ SourceImageId }) => SourceImageId === imageId);
    const letters = this.#lettersFor(imageId);
    const alive = new Set(
      this.#standing.images.flatMap(({ ImageId, State }) => (State === 'available' ? [ImageId] : [])),
    );
    const standInOf = (counts: readonly ForeignCopy['counts'][]) =>
      foreign.find((each) => counts.includes(each.counts) && each.sourceImage === index && alive.has(each.imageId));
    const standIn = standInOf(['always']);

    if (copies.length > 1) {
      this.#doubled += 1;
      this.#violated('2', `image ${index} has ${copies.length} copies`);
    }
    if (standIn && copies.length > 0) {
      this.#doubled += 1;
      this.#violated('2', `image ${index} has a copy of ours beside AMIgo's ${standIn.imageId}`);
    }
    if (isStrangers(index) && copies.length > 0) this.#violated('3', `image ${index} of a stranger is copied`);
    if (asked === 'never' && copies.length + letters.length > 0) {
      this.#violated('1', `nobody asked for image ${index}: ${copies.length} copies, ${letters.length} dead letters`);
    }
    if (asked !== 'certainly' || copies.length > 0 || standInOf(['always', 'later'])) return;
    // A copy that was revoked may have been retired; AMIgo's own may be disabled.
    if (this.#run.ends.wasRevoked(index) || this.#wasRemoved(imageId)) return;
    if (letters.length === 0) {
      this.#lost += 1;
      this.#violated('1', `image ${index} was asked for and has neither a copy nor a dead letter`);
    }
    const failures = plan.failures[index] ?? 0;
    const isRefused = this.#calls.some((call) => call.answer?.body.includes(REFUSAL.code));
    if (this.#run.isShared(index) && !isStrangers(index) && failures < MOST_ATTEMPTS && !isRefused) {
      this.#violated(
        '1',
        `image ${index} could be copied, but only has dead letters: ${letters.map(reasonOf).join(' ')}`,
      );
    }
  }

  /** Whether retire-image removed a copy of the image. */
  #wasRemoved(sourceImageId: string): boolean {
    return [...this.#removed].some((imageId) => this.#run.sourceOf(imageId)?.imageId === sourceImageId);
  }

  #checkLetters(): void {
    for (const letter of this.#standing.letters) {
      if (reasonOf(letter) === '') this.#violated('1', `a dead letter has no reason: ${letter.Body ?? ''}`);
      const index = this.#run.pool.images.findIndex(({ imageId }) => imageId === sourceOf(letter.Body ?? ''));
      const hopeless = !this.#run.isShared(index) || this.#run.plan.failures[index] === ALWAYS;
      if (reasonOf(letter).startsWith('Gave up') && !hopeless) {
        this.#violated('1', `image ${index} could have been copied, but: ${reasonOf(letter)}`);
      }
    }
  }

  #checkCopy(copy: Image): void {
    const { ImageId: imageId = '', SourceImageId, State: state = '', BlockDeviceMappings = [] } = copy;
    // One that is revoked stays as it is, so that it can be taken on from there.
    const isRevoked = parsedMarker(copy)?.end?.state === 'revoked';
    if (state !== 'available' && !isRevoked)
      this.#violated(state === 'failed' ? '5' : '1', `copy ${imageId} is ${state}`);
    if (!markerOf(copy).includes(' announced=') && !isRevoked)
      this.#violated('1', `copy ${imageId} is marked "${markerOf(copy)}"`);
    const source = this.#run.pool.images.find((each) => each.imageId === SourceImageId);
    if (!source) {
      this.#violated('1', `copy ${imageId} is of ${SourceImageId ?? 'nothing'}`);
      return;
    }
    const snapshots = this.#snapshotsOf(copy);
    if (snapshots.length !== source.snapshotIds.length || snapshots.length !== BlockDeviceMappings.length) {
      this.#violated('1', `copy ${imageId} has ${snapshots.length} snapshots of ${source.snapshotIds.length}`);
    }
    const expected = expectedTags(source);
    const allowed = [expected, { ...expected, Rebuilt: 'yes' }].map(sorted);
    // Those of a revoked copy are repaired once it is settled, after its revocation is undone.
    for (const resource of isRevoked ? [copy] : [copy, ...snapshots]) {
      const tags = sorted(tagsOf(resource));
      if (!allowed.includes(tags) || tags !== sorted(tagsOf(copy))) {
        this.#violated(
          '1',
          `the tags of ${'SnapshotId' in resource ? String(resource.SnapshotId) : imageId} are ${tags}`,
        );
      }
      if (!isOurs(resource)) this.#violated('1', `a snapshot of ${imageId} is not marked`);
    }
  }

  #snapshotsOf({ BlockDeviceMappings = [] }: Image): Snapshot[] {
    const ids = BlockDeviceMappings.map(({ Ebs }) => Ebs?.SnapshotId);
    return this.#standing.snapshots.filter(({ SnapshotId }) => ids.includes(SnapshotId));
  }

  #checkForeign(): void {
    const { images, snapshots } = this.#standing;
    for (const { imageId, tags } of this.#run.foreign) {
      const now = tagsIn(imageId, images, snapshots);
      if (now !== tags) this.#violated('untouched', `${imageId}, which is not ours, was ${tags} and is ${now}`);
    }
  }

  #checkSnapshots(): void {
    const used = new Set(
      this.#standing.images.flatMap(({ BlockDeviceMappings = [] }) =>
        BlockDeviceMappings.map(({ Ebs }) => Ebs?.SnapshotId),
      ),
    );
    for (const { SnapshotId, State, Description = '', ...rest } of this.#standing.snapshots) {
      if (isOurs(rest) && !used.has(SnapshotId)) {
        this.#violated('5', `snapshot ${SnapshotId ?? ''} (${State ?? ''}) is left over: ${Description}`);
      }
    }
  }

  /** Each copy has a token of its own, and a request that came once has three at the most. */
  #checkTokens(): void {
    const tokens = new Map<string, string>();
    const sources = new Map<string, Set<string>>();
    for (const call of this.#calls) {
      const copyId = copyIdIn(call);
      if (copyId === undefined) continue;
      const form = new URLSearchParams(call.body);
      const [token, source] = [form.get('ClientToken') ?? '', form.get('SourceImageId') ?? ''];
      const other = tokens.get(token);
      if (other !== undefined && other !== copyId) this.#violated('5', `${other} and ${copyId} have the same token`);
      tokens.set(token, copyId);
      sources.set(source, (sources.get(source) ?? new Set()).add(copyId));
    }
    const copyIds = [...tokens.values()];
    if (new Set(copyIds).size !== copyIds.length) this.#violated('5', 'two tokens gave the same copy');
    for (const [source, made] of sources) {
      if (made.size > MOST_ATTEMPTS && this.#cameOnce(source)) {
        this.#violated('5', `one request for ${source} made ${made.size} copies`);
      }
    }
  }

  /** Whether the request for the image came once, and nothing that a kill or a lost answer may have doubled. */
  #cameOnce(source: string): boolean {
    const { arrived, invocations } = this.#run;
    if (arrived.filter(({ body, isForUs }) => isForUs && sourceOf(body) === source).length > 1) return false;
    return !invocations.some(
      ({ calls }) => calls.some((call) => call.interruption) && calls.some(({ body }) => body.includes(source)),
    );
  }

  #checkAnnouncements(): void {
    const { onBus, onTopic } = this.#standing;
    for (const copy of this.#copies()) {
      if (parsedMarker(copy)?.end?.state === 'revoked') continue;
      for (const channel of [onBus, onTopic]) {
        const result = channel.find(({ detail }) => detail.imageId === copy.ImageId);
        if (!result) this.#violated('1', `copy ${copy.ImageId ?? ''} is not announced everywhere`);
        else if (result['detail-type'] !== 'Image Copied')
          this.#violated('1', `${copy.ImageId ?? ''} is announced as failed`);
      }
    }
    const contents = new Map<string, string>();
    for (const announcement of [...onBus, ...onTopic]) {
      const { detail, source, 'detail-type': type } = announcement;
      const content = JSON.stringify([source, type, detail]);
      const known = contents.get(detail.imageId) ?? content;
      if (known !== content && !this.#wasRevoked(detail.sourceAmi))
        this.#violated('once', `two announcements differ: ${known} and ${content}`);
      contents.set(detail.imageId, content);
    }
    this.#repeated = onBus.length - new Set(onBus.map(({ detail }) => detail.imageId)).size;
    for (const { detail, 'detail-type': type } of onBus) {
      if (type === 'Image Copied') this.#checkCopied(detail);
      else this.#checkGivenUp(detail);
    }
  }

  #checkCopied(detail: Announcement['detail']): void {
    const { imageId } = detail;
    const copy = this.#copies().find(({ ImageId }) => ImageId === imageId);
    if (!copy) {
      if (this.#removed.has(imageId)) return;
      this.#violated('4', `${imageId} is announced and is no available copy of ours`);
      return;
    }
    const snapshots = this.#snapshotsOf(copy);
    for (const { SnapshotId = '', Encrypted, KmsKeyId } of snapshots) {
      if (!Encrypted || KmsKeyId !== this.#run.target.keyArn) {
        this.#violated('4', `${imageId} is announced, but ${SnapshotId} is not encrypted under the account's key`);
      }
    }
    const marker = parsedMarker(copy);
    const { account, region, snapshotIds, tags, settledAt, attempt, reason, kmsKeyArn, sourceAmi } = detail;
    const facts = [account, region, kmsKeyArn, sourceAmi, [...snapshotIds].sort(), sorted(tags), reason];
    const { target } = this.#run;
    const ids = snapshots.map(({ SnapshotId = '' }) => SnapshotId).sort();
    const { id, region: ownRegion } = target.account;
    const expected = [id, ownRegion, target.keyArn, copy.SourceImageId, ids, sorted(tagsOf(copy)), null];
    if (JSON.stringify(facts) !== JSON.stringify(expected)) {
      this.#violated('1', `${imageId} is announced as ${JSON.stringify(facts)}, but is ${JSON.stringify(expected)}`);
    }
    const isMarked = marker?.announcement?.settledAt === settledAt && marker.attempt === attempt;
    if (!isMarked && !this.#wasRevoked(sourceAmi)) {
      this.#violated(
        '1',
        `${imageId} is announced as of ${settledAt}, attempt ${attempt}, but marked "${markerOf(copy)}"`,
      );
    }
  }

  #wasRevoked(sourceImageId: string): boolean {
    return this.#run.ends.wasRevoked(this.#run.pool.images.findIndex(({ imageId }) => imageId === sourceImageId));
  }

  #checkGivenUp({ imageId, sourceAmi, attempt, reason }: Announcement['detail']): void {
    const letter = this.#lettersFor(sourceAmi).find(({ MessageAttributes }) => MessageAttributes?.['Attempt']);
    if (attempt !== MOST_ATTEMPTS || reason === null || !letter) {
      this.#violated(
        '1',
        `${imageId} is announced as failed at attempt ${attempt}, with ${letter ? 'a' : 'no'} dead letter`,
      );
    }
  }

  /**
   * An announcement comes again only after something came between it and the last mark. Copies of different recipes are announced at the same time: a
   * kill comes between for all that the invocation has announced, in whatever order their calls arrived.
   */
  #checkRepeats(): void {
    const done = new Set<string>();
    const told = new Map<string, 'undisturbed' | 'disturbed'>();
    const settlings = this.#run.invocations.filter(({ functionName }) => functionName === 'settle-copy');
    for (const { call, isLastOfKilled } of settlings.flatMap(({ calls }) => withKills(calls))) {
      const announced = announcedIn(call);
      const sourceImageId = announced === undefined ? undefined : this.#run.sourceOf(announced)?.imageId;
      if (announced !== undefined && isTaken(call) && !this.#wasRevoked(sourceImageId ?? '')) {
        const key = `${call.action} ${announced}`;
        if (done.has(announced)) this.#violated('once', `${announced} was announced again after it was done with`);
        if (told.get(key) === 'undisturbed') this.#violated('once', `${announced} was announced again without need`);
        told.set(key, 'undisturbed');
      }
      if (isTaken(call)) {
        const ended = endedIn(call);
        if (ended !== undefined) done.add(ended);
      }
      if (isDisturbed(call) || isLastOfKilled) for (const key of told.keys()) told.set(key, 'disturbed');
    }
    for (const { imageId, detail } of this.#givenUpLetters()) {
      const announced = this.#standing.onBus.some((each) => each.detail.imageId === imageId);
      if (!announced) this.#violated('1', `${detail} is given up, but not announced as failed`);
    }
  }

  #givenUpLetters(): { imageId: string; detail: string }[] {
    return this.#standing.letters.flatMap(({ Body = '', MessageAttributes = {} }) => {
      if (!MessageAttributes['Attempt']) return [];
      const { retry } = JSON.parse(Body) as { retry: { after: string } };
      return [{ imageId: retry.after, detail: Body }];
    });
  }

  #checkParameters(): void {
    const { parameters } = this.#standing;
    const created = (imageId: string) => Date.parse(this.#run.sourceOf(imageId)?.createdAt ?? '');
    for (const { name, values } of parameters) {
      for (const [index, value] of values.entries()) {
        const previous = values[index - 1];
        if (Number.isNaN(created(value)))
          this.#violated('parameter', `${name} pointed to ${value}, which we did not copy`);
        else if (previous !== undefined && created(previous) > created(value) && !this.#isOfRevokedRecipe(previous)) {
          this.#violated('parameter', `${name} went back from ${previous} to ${value}`);
        }
      }
    }
    const recipes = new Map<string, string>();
    for (const copy of this.#copies()) {
      const id = copy.ImageId ?? '';
      if (this.#isOfRevokedRecipe(id)) continue;
      const name = `/image-copier/${tagsOf(copy)['Recipe'] ?? ''}`;
      const newest = recipes.get(name);
      if (newest === undefined || created(id) > created(newest)) recipes.set(name, id);
    }
    // Where an image was revoked, it is checked with that.
    const others = parameters.filter(({ values }) => !this.#isOfRevokedRecipe(values.at(-1) ?? ''));
    const found = Object.fromEntries(others.map(({ name, values }) => [name, values.at(-1)]));
    const expected = Object.fromEntries(recipes);
    if (sorted(found) !== sorted(expected)) {
      this.#violated('parameter', `the parameters are ${sorted(found)}, and not ${sorted(expected)}`);
    }
  }

  /** Whether any image of the copy's recipe was revoked. */
  #isOfRevokedRecipe(imageId: string): boolean {
    const recipe = this.#run.sourceOf(imageId)?.tags['Recipe'];
    return this.#run.pool.images.some(
      ({ tags }, index) => tags['Recipe'] === recipe && this.#run.ends.wasRevoked(index),
    );
  }
}

/** Whether AWS did what the call asks for. */
function isTaken({ answer }: NotedCall): boolean {
  return answer?.status === 200;
}

/** Whether the function was kept from its way: by a kill, a lost answer or an error. */
function isDisturbed({ interruption, answer }: NotedCall): boolean {
  if (interruption) return true;
  return answer !== undefined && answer.status >= 400 && !answer.body.includes('ParameterNotFound');
}

/** The calls of an invocation, of which the last one is told of a kill. */
function withKills(calls: readonly NotedCall[]): { readonly call: NotedCall; readonly isLastOfKilled: boolean }[] {
  const isKilled = calls.some(({ interruption }) => interruption?.how === 'kill');
  return calls.map((call, index) => ({ call, isLastOfKilled: isKilled && index === calls.length - 1 }));
}

/** The image whose end the call announces. */
function announcedIn({ action, body }: NotedCall): string | undefined {
  if (action === 'events:PutEvents') {
    const { Entries } = JSON.parse(body) as { Entries: { Detail: string }[] };
    return (JSON.parse(Entries[0]?.Detail ?? '') as { imageId: string }).imageId;
  }
  if (action !== 'sns:Publish') return undefined;
  const message = new URLSearchParams(body).get('Message') ?? '';
  return (JSON.parse(message) as Announcement).detail.imageId;
}

/** The image that is done with after the call: marked, or removed after it failed. */
function endedIn({ action, body }: NotedCall): string | undefined {
  const form = new URLSearchParams(body);
  if (action === 'ec2:DeregisterImage') return form.get('ImageId') ?? undefined;
  const isLastMark = action === 'ec2:CreateTags' && form.get('Tag.1.Value')?.includes(' announced=');
  return isLastMark ? (form.get('ResourceId.1') ?? undefined) : undefined;
}

function sourceOf(body: string): string {
  return (JSON.parse(body) as { sourceAmi?: string }).sourceAmi ?? '';
}

function reasonOf({ MessageAttributes }: Message): string {
  return MessageAttributes?.['Reason']?.StringValue ?? '';
}

function tagsOf({ Tags = [] }: Image | Snapshot): Record<string, string> {
  return Object.fromEntries(Tags.flatMap(({ Key = '', Value = '' }) => (Key === 'ImageCopier' ? [] : [[Key, Value]])));
}

function sorted(fields: Readonly<Record<string, string | undefined>>): string {
  return JSON.stringify(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}
