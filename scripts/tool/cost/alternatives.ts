import { monthlyCost, type CostPart, type CostPlan } from './monthly-cost.ts';
import { PRICES, type PriceList } from './prices.ts';
import { count, plural } from './words.ts';

/** A way in which many accounts can launch the same images. */
export interface Alternative {
  readonly name: string;
  /** US dollars a month. */
  readonly dollars: number;
  readonly parts: readonly CostPart[];
  /** What it depends on, in a few words. */
  readonly risk: string;
  /** AWS's pages that say so. */
  readonly pages: readonly string[];
}

const EC2 = 'https://docs.aws.amazon.com/AWSEC2/latest/UserGuide';
const EBS = 'https://docs.aws.amazon.com/ebs/latest/userguide';
const AUTO_SCALING = 'https://docs.aws.amazon.com/autoscaling/ec2/userguide';
const IMAGE_BUILDER = 'https://docs.aws.amazon.com/imagebuilder/latest';

/**
 * What the alternatives cost for the images that a plan keeps, Image Copier last. Each counts the images
 * of the source account. To share, an image has to be in each Region; what copies takes it from one, if
 * `crossRegion` says so. Both ways to share count a customer managed key in each account and Region, for its volumes.
 */
export function alternativesOf(plan: CostPlan, prices: PriceList = PRICES): readonly Alternative[] {
  const ours = monthlyCost(plan, prices);
  const q = ours.quantities;
  const { regions, crossRegion } = plan;
  const imagesIn = (sourceRegions: number): CostPart => {
    const gib = sourceRegions * (q.snapshotGib / q.copiers);
    return {
      part: 'Images in the source account',
      dollars: gib * prices.snapshot.dollars,
      counted: `${count(gib)} GiB`,
    };
  };
  const transferOf = (gib: number): CostPart[] =>
    crossRegion
      ? [
          {
            part: 'Transfer between Regions',
            dollars: gib * prices.transfer.dollars,
            counted: `${count(gib)} GiB`,
          },
        ]
      : [];
  const keys = (number: number): CostPart => {
    const rotations = number * (q.rotations / q.keys);
    return {
      part: 'KMS keys',
      dollars: number * prices.key.dollars + rotations * prices.rotation.dollars,
      counted: `${plural(number, 'key')}, ${plural(rotations, 'rotation')}`,
    };
  };
  const bakedRegions = crossRegion ? 1 : regions;
  const ownTransfer = transferOf((q.copiedGib / q.copiers) * (regions - 1));
  const sameAsOurs = (name: string) => ours.parts.filter(({ part }) => part === name);
  return [
    alternative('share unencrypted, encrypt at launch', [imagesIn(regions), ...ownTransfer, keys(q.keys)], {
      risk: "The image is stored unencrypted. Each launch needs the owner's image. A volume is encrypted only if its launch or the account's default says so.",
      pages: [`${EC2}/AMIEncryption.html`, `${EBS}/encryption-by-default.html`],
    }),
    alternative('share under a customer managed key', [imagesIn(regions), ...ownTransfer, keys(q.keys + regions)], {
      risk: "Each launch needs the owner's image and the owner's key. Auto Scaling needs a grant on that key in each account.",
      pages: [
        `${EC2}/AMIEncryption.html`,
        `${EBS}/share-kms-key.html`,
        `${AUTO_SCALING}/key-policy-requirements-EBS-encryption.html`,
      ],
    }),
    alternative(
      'copies by EC2 Image Builder',
      [
        imagesIn(bakedRegions),
        ...sameAsOurs('EBS snapshots'),
        ...transferOf(q.transferGib),
        keys(regions),
        ...sameAsOurs('KMS requests'),
      ],
      {
        risk: "Copies are under one key a Region that is named for all accounts, or under each account's default EBS key. New accounts are added to a list. What failed is tried again if somebody asks for it.",
        pages: [
          `${IMAGE_BUILDER}/userguide/cross-account-dist.html`,
          `${IMAGE_BUILDER}/userguide/distribution-enhanced_functionality.html`,
          `${IMAGE_BUILDER}/APIReference/API_AmiDistributionConfiguration.html`,
        ],
      },
    ),
    alternative('Image Copier', [imagesIn(bakedRegions), ...ours.parts], {
      risk: 'Each account pays for its own snapshots, and has three functions to look after. Tested on LocalStack, never on AWS by us.',
      pages: [`${EC2}/how-ami-copy-works.html`, `${EBS}/ebs-copy-snapshot.html`],
    }),
  ];
}

function alternative(name: string, parts: readonly CostPart[], said: Pick<Alternative, 'risk' | 'pages'>): Alternative {
  return { name, dollars: parts.reduce((sum, { dollars }) => sum + dollars, 0), parts, ...said };
}
