import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { DescribeImageAttributeCommand, DescribeImagesCommand, ModifyImageAttributeCommand } from '@aws-sdk/client-ec2';
import { ListSubscriptionsByTopicCommand } from '@aws-sdk/client-sns';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { share, shareImage, shareSnapshots, type BakedImage } from '../../../scripts/tool/common/bake.ts';
import { findCopies, isAnnounced } from '../../../scripts/tool/common/copies.ts';
import type { EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { ROOT } from '../../../scripts/tool/common/paths.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import type { DeployedAccounts } from './deployed-accounts.ts';
import { startCommand } from '../support/command.ts';
import { injectFault, joinOrganization, REGION, refuseCopies } from '../support/emulator.ts';

interface Row {
  readonly account: string;
  readonly state: string;
  readonly copy: string | null;
  readonly reason: string | null;
}

const copiesIn = async (account: EmulatedAccount, { imageId }: BakedImage) => await findCopies(account, imageId);

export function requestTests(accounts: DeployedAccounts): void {
  const { source, canary, payments, web, topic } = accounts;

  async function launchers({ imageId }: BakedImage): Promise<(string | undefined)[]> {
    const { LaunchPermissions = [] } = await source.ec2.send(
      new DescribeImageAttributeCommand({ ImageId: imageId, Attribute: 'launchPermission' }),
    );
    return LaunchPermissions.map(({ UserId }) => UserId).sort();
  }

  async function leftOvers(): Promise<number> {
    const { QueueUrls = [] } = await source.sqs.send(
      new ListQueuesCommand({ QueueNamePrefix: 'image-copier-request' }),
    );
    const TopicArn = `arn:aws:sns:${REGION}:${source.id}:${topic}-results`;
    const { Subscriptions = [] } = await source.sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
    const inboxes = Subscriptions.filter(({ Endpoint }) => !Endpoint?.endsWith(`:${topic}-watch-results`));
    return QueueUrls.length + inboxes.length;
  }

  it('shares the image, asks for the copies, and waits for them', async () => {
    const image = await accounts.bake('ubuntu', 1);

    const { code, stdout, stderr } = await accounts.run('request', image.imageId, '--share', '--wait', '--json');

    const rows = JSON.parse(stdout) as Row[];
    expect({ code, stderr, states: rows.map(({ account, state }) => [account, state]) }).toEqual({
      code: 0,
      stderr: expect.any(String),
      states: [
        ['canary', 'available'],
        ['payments', 'available'],
        ['web', 'available'],
      ],
    });
    for (const [index, account] of accounts.targets.entries()) {
      const [copy, ...more] = await copiesIn(account, image);
      expect(more).toEqual([]);
      expect(copy?.ImageId).toBe(rows[index]?.copy);
      expect(isAnnounced(copy ?? {}, 'image-copier')).toBe(true);
    }
    expect(await leftOvers()).toBe(0);
  });

  it('names the accounts that do not see an image of an organization, and shares it with them with --share', async () => {
    const image = await accounts.bake('ubuntu', 8);
    const id = 'o-a1b2c3d4e5';
    const OrganizationArn = `arn:aws:organizations::${source.id}:organization/${id}`;
    const leave = await Promise.all([canary, payments].map((account) => joinOrganization(account.id, id)));
    await source.ec2.send(
      new ModifyImageAttributeCommand({ ImageId: image.imageId, LaunchPermission: { Add: [{ OrganizationArn }] } }),
    );

    // As Packer leaves it with ami_org_arns alone.
    const alone = await accounts.run('request', image.imageId);
    expect({ ...alone, stderr: alone.stderr.trimEnd() }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /lacks createVolume permission on .*An organization cannot have it, .* add --share to give it, or .* snapshot_users\.$/,
      ),
    });
    await shareSnapshots(
      source.ec2,
      image,
      accounts.targets.map((account) => account.id),
    );
    const dry = await accounts.run('request', image.imageId, '--dry-run');
    expect(dry).toMatchObject({
      code: 0,
      stderr:
        `${web.id} cannot see ${image.imageId}: it is shared with ${OrganizationArn}, and not with this account. The request waits for it, and is ` +
        'a dead letter in the end. Add --share to give launch permission.\n',
    });

    const { code, stdout } = await accounts.run('request', image.imageId, '--share', '--wait', '--json');

    const rows = JSON.parse(stdout) as Row[];
    expect({ code, states: rows.map(({ state }) => state) }).toEqual({ code: 0, states: Array(3).fill('available') });
    expect((await launchers(image)).filter((account) => account !== undefined)).toEqual([web.id]);
    await Promise.all(leave.map((each) => each()));
  });

  it('names what is missing, and neither shares nor asks, without --share', async () => {
    const image = await accounts.bake('ubuntu', 2);
    await shareImage(source.ec2, image, [canary.id, payments.id]);

    const { code, stdout, stderr } = await accounts.run('request', image.imageId);

    const [first, second] = image.snapshotIds;
    const all = [canary.id, payments.id, web.id].join(', ');
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr:
        `Error: ${image.imageId} lacks launch permission for ${web.id}; ` +
        `createVolume permission on ${first ?? ''} for ${all}; createVolume permission on ${second ?? ''} for ${all}. ` +
        'Add --share to give it.\n',
    });
    expect(await launchers(image)).toEqual([canary.id, payments.id].sort());
  });

  it('shows in a dry run every call that it would make, and makes none', async () => {
    const image = await accounts.bake('ubuntu', 3);

    const { code, stdout } = await accounts.run(
      'request',
      image.imageId,
      ...['--only', 'canary', '--share', '--shared-tags', '--dry-run'],
    );

    const [first, second] = image.snapshotIds;
    const { imageId, name, description, tags } = image;
    const request = { sourceAmi: imageId, sourceRegion: REGION, targetAccounts: [canary.id], name, description, tags };
    const shared = Object.entries(tags).map(([key, value]) => `ec2:SharedTag/${key}=${value}`);
    const [launch, ...calls] = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(launch).toBe(`would call ec2:ModifyImageAttribute ${imageId}: launchPermission, add ${canary.id}`);
    expect(calls.slice(0, 2)).toEqual(
      [first, second].map(
        (id) => `would call ec2:ModifySnapshotAttribute ${id ?? ''}: createVolumePermission, add ${canary.id}`,
      ),
    );
    const [tagging = '', publishing = '', ...more] = calls.slice(2);
    expect(more).toEqual([]);
    expect(tagging.split(': ')[0]).toBe(`would call ec2:CreateTags ${imageId}`);
    expect(
      tagging
        .slice(tagging.indexOf(': ') + 2)
        .split(', ')
        .sort(),
    ).toEqual(shared.sort());
    const topicArn = `arn:aws:sns:${REGION}:${source.id}:${topic}`;
    expect(publishing.startsWith(`would call sns:Publish ${topicArn}: `)).toBe(true);
    expect(JSON.parse(publishing.slice(publishing.indexOf('{')))).toEqual(request);
    expect(await launchers(image)).toEqual([]);
    expect(await copiesIn(canary, image)).toEqual([]);
  });

  it('sets shared tags, which the accounts see', async () => {
    const image = await accounts.bake('ubuntu', 4);

    const { code } = await accounts.run('request', image.imageId, '--only', 'web', '--share', '--shared-tags');

    expect(code).toBe(0);
    const { Images: [seen] = [] } = await web.ec2.send(new DescribeImagesCommand({ ImageIds: [image.imageId] }));
    const tags = Object.fromEntries((seen?.Tags ?? []).map(({ Key = '', Value }) => [Key, Value]));
    expect(tags).toEqual(
      Object.fromEntries(Object.entries(image.tags).map(([key, value]) => [`ec2:SharedTag/${key}`, value])),
    );
  });

  it('fails with the reason if one account fails, and tells of the others', async () => {
    const image = await accounts.bake('ubuntu', 5);
    const allow = await refuseCopies(payments.id);
    try {
      const { code, stdout } = await accounts.run(
        'request',
        image.imageId,
        ...['--only', 'canary,payments', '--share', '--wait', '--json'],
      );

      const rows = JSON.parse(stdout) as Row[];
      expect(code).toBe(1);
      expect(rows.map(({ account, state }) => [account, state])).toEqual([
        ['canary', 'available'],
        ['payments', 'failed'],
      ]);
      expect(rows[1]?.reason).toContain('TagPolicyViolation');
    } finally {
      await allow();
    }
  });

  it('follows accounts by the results topic alone, and ends when the time is over', async () => {
    const image = await accounts.bake('ubuntu', 6);
    await share(source.ec2, image, [canary.id, payments.id]);
    const slow = await injectFault({ kind: 'slow-copy', account: payments.id, seconds: 3600 });
    try {
      const follow = async (account: string, ...args: string[]) => {
        const { code, stdout, stderr } = await accounts.runAlone(
          'request',
          image.imageId,
          ...['--accounts', account, '--topic', topic, '--role-arn', `arn:aws:iam::${source.id}:role/operator`],
          ...['--wait', '--json', ...args],
        );
        return { code, stderr, states: (JSON.parse(stdout) as Row[]).map(({ state }) => state) };
      };

      expect(await follow(canary.id)).toMatchObject({ code: 0, states: ['available'] });
      const late = await follow(payments.id, '--timeout', '0.1');
      expect(late).toMatchObject({ code: 1, states: ['waiting'] });
      expect(late.stderr).toContain(`The time (0.1 minutes) is over for ${payments.id}.`);
    } finally {
      await slow();
    }
  });

  it("runs from Packer as the manual's post-processor, once for each source, and asks for each image once", async () => {
    const [old, debian, ubuntu] = [
      await accounts.bake('debian', 1),
      await accounts.bake('debian', 2),
      await accounts.bake('ubuntu', 7),
    ];
    const command = /^ *inline = \["(image-copier request .*)"\]$/m.exec(
      readFileSync(join(ROOT, 'docs/tool.md'), 'utf8'),
    );
    const folder = join(accounts.folder, 'packer');
    mkdirSync(folder);
    // What `npm install --global` puts on PATH.
    symlinkSync(join(ROOT, 'scripts', 'dist', 'image-copier.mjs'), join(folder, 'image-copier'));
    symlinkSync(accounts.accountsFile, join(folder, 'accounts.yaml'));
    const earlier = buildOf('debian', 'amazon-ebs', `${REGION}:${old.imageId}`, EARLIER_RUN);
    /** What Packer does when a source has ended. */
    const end = async (name: string, type: string, artifact: string) => {
      const builds = [...(name === earlier.name ? [earlier] : []), buildOf(name, type, artifact, LAST_RUN)];
      const manifest = JSON.stringify({ builds, last_run_uuid: LAST_RUN });
      writeFileSync(join(folder, `packer-manifest-${name}.json`), manifest);
      const packer = { PACKER_BUILD_NAME: name, PACKER_BUILDER_TYPE: type, PACKER_RUN_UUID: LAST_RUN };
      const child = spawn('sh', ['-c', command?.[1]?.replaceAll('${source.name}', name) ?? 'false'], {
        cwd: folder,
        env: { ...accounts.environment, ...packer, PATH: `${folder}:${process.env['PATH'] ?? ''}` },
      });
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const [code] = (await once(child, 'close')) as [number];
      return { code, asked: Array.from(stderr.matchAll(/^Asked for copies of (\S+)/gm), ([, image]) => image), stderr };
    };

    expect(await end('notes', 'null', 'Null')).toMatchObject({
      code: 0,
      asked: [],
      stderr: 'packer-manifest-notes.json has no machine image of the build notes (null): nothing is asked for.\n',
    });
    expect(await end('debian', 'amazon-ebs', `${REGION}:${debian.imageId}`)).toMatchObject({
      code: 0,
      asked: [debian.imageId],
    });
    expect(await end('ubuntu', 'amazon-ebs', `${REGION}:${ubuntu.imageId}`)).toMatchObject({
      code: 0,
      asked: [ubuntu.imageId],
    });

    await waitFor('the copies', async () => {
      const copies = await Promise.all(
        accounts.targets.flatMap((account) => [debian, ubuntu].map((image) => copiesIn(account, image))),
      );
      return copies.every((each) => each.some((copy) => isAnnounced(copy, 'image-copier'))) ? true : undefined;
    });
    expect(await copiesIn(web, old)).toEqual([]);
  });

  it.each([
    ['no accounts', ['ami-0123456789abcdef0'], 'Name the accounts that are to copy it: --accounts-file, or --accounts'],
    [
      'no topic',
      ['ami-0123456789abcdef0', '--accounts', web.id, '--region', REGION],
      'Name the topic for copy requests',
    ],
    [
      'no image',
      ['--accounts', web.id, '--topic', topic, '--region', REGION],
      'Name one image, or a --packer-manifest.',
    ],
    [
      'an id of 11 digits',
      ['ami-0a', '--accounts', '12345678901', '--topic', topic],
      '12345678901 must be an account id',
    ],
    ['a file that is not there', ['--packer-manifest', 'none.json', '--accounts', web.id], 'There is no none.json.'],
  ])('tells a mistake of the user in one line: %s', async (_, args, message) => {
    const { code, stdout, stderr } = await startCommand(['request', ...args], accounts.environment).ended;

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('names the remedy for an image that is not there', async () => {
    const { code, stderr } = await accounts.run('request', 'ami-0123456789abcdef0');

    expect({ code, stderr }).toEqual({
      code: 2,
      stderr:
        `Error: There is no image ami-0123456789abcdef0 of this account in ${REGION}. ` +
        'Check --region, and that the credentials are those of the source account.\n',
    });
  });
}

const EARLIER_RUN = '1ba74066-d691-e7d9-8be2-39baa2b4061d';
const LAST_RUN = '7c30122f-7774-575e-6687-ba16e1eff548';

/** As Packer's post-processor writes it: builds of earlier runs stay in the file. */
function buildOf(name: string, type: string, artifact: string, run: string) {
  return {
    name,
    builder_type: type,
    build_time: 1764000000,
    files: null,
    artifact_id: artifact,
    packer_run_uuid: run,
    custom_data: null,
  };
}
