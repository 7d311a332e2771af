import { GetAllowedImagesSettingsCommand, type EC2Client, type ImageCriterion } from '@aws-sdk/client-ec2';
import { isDenied, isError } from '../common/aws-answers.ts';
import { awsCommand } from './commands.ts';
import { found, inWords, type CheckedCopier, type Finding } from './finding.ts';

/** The Allowed AMIs setting of an account and Region. */
export type AllowedImagesFacts =
  { readonly state: string; readonly criteria: readonly ImageCriterion[] } | { readonly unread: string };

/** Reads the setting. Operators often may not, and not every partition has it, so neither is an error. */
export async function readAllowedImages(ec2: EC2Client): Promise<AllowedImagesFacts> {
  try {
    const { State = '', ImageCriteria = [] } = await ec2.send(new GetAllowedImagesSettingsCommand({}));
    return { state: State, criteria: ImageCriteria };
  } catch (error) {
    if (!isDenied(error) && !isError(error, 'InvalidAction', 'UnsupportedOperation')) throw error;
    return { unread: error instanceof Error ? error.message : String(error) };
  }
}

/** Whether the setting hides images of the account (EC2 User Guide, "Allowed AMIs"): copying is restricted as well. */
export function hidesImagesOf(owner: string, facts: AllowedImagesFacts): boolean {
  return 'state' in facts && facts.state === 'enabled' && !facts.criteria.some((each) => names(each, owner));
}

/** Checks that images of the trusted owners can be seen and copied. */
export function checkAllowedImages(
  facts: AllowedImagesFacts,
  owners: readonly string[],
  copier: CheckedCopier,
): Finding[] {
  const subject = `Allowed AMIs in ${copier.region}`;
  if ('unread' in facts) {
    return [
      {
        code: 'AllowedImagesUnread',
        severity: 'note',
        subject,
        what: `The setting could not be read. ${facts.unread}`,
        why: 'It may hide the images that are to be copied.',
        ...inWords('Allow ec2:GetAllowedImagesSettings for whoever runs this command.'),
      },
    ];
  }
  if (facts.state === 'disabled') return [];
  const leftOut = owners.filter((owner) => !facts.criteria.some((each) => names(each, owner)));
  const narrowed = owners.filter(
    (owner) => !leftOut.includes(owner) && !facts.criteria.some((each) => names(each, owner) && isOnlyProviders(each)),
  );
  const isAudit = facts.state === 'audit-mode';
  const criteria = JSON.stringify([...facts.criteria, { ImageProviders: leftOut }]);
  return found(
    leftOut.length > 0 && {
      code: 'AllowedImagesLeaveOut',
      severity: isAudit ? 'warning' : 'problem',
      subject,
      what: `The criteria leave out ${leftOut.join(', ')}, whose images are to be copied.`,
      why: isAudit
        ? 'In audit-mode nothing is hidden. Once the setting is enabled, every copy fails with InvalidAMIID.NotFound.'
        : 'EC2 hides these images, and every copy fails with InvalidAMIID.NotFound.',
      fix: 'Add a criterion for them, as an administrator: the setting is one of the whole account.',
      commands: [
        awsCommand(copier, 'ec2', 'replace-image-criteria-in-allowed-images-settings', '--image-criteria', criteria),
      ],
    },
    narrowed.length > 0 && {
      code: 'AllowedImagesNarrow',
      severity: 'note',
      subject,
      what: `The criteria admit only some images of ${narrowed.join(', ')}.`,
      why: 'A copy of another image fails with InvalidAMIID.NotFound.',
      ...inWords('Compare the names and ages in the criteria with those of your images.'),
    },
  );
}

/** Without providers, a criterion is about images of all (EC2 API Reference, ImageCriterion). */
function names({ ImageProviders = [] }: ImageCriterion, owner: string): boolean {
  return ImageProviders.length === 0 || ImageProviders.includes(owner);
}

function isOnlyProviders({ ImageProviders = [], ...others }: ImageCriterion): boolean {
  const conditions = Object.values(others).filter((value) => !(Array.isArray(value) && value.length === 0));
  return ImageProviders.length > 0 && conditions.every((value) => value === undefined);
}
