import { EC2Client } from '@aws-sdk/client-ec2';
import { SNSClient } from '@aws-sdk/client-sns';
import type { Stack } from '../../terraform/stacks/stacks.ts';
import type { Check } from '../rollout/roll-out.ts';
import { smokeCopy } from '../rollout/smoke-copy.ts';
import { explained } from './aws-errors.ts';
import { clientSettings } from './credentials.ts';

/** Has an image copied into the targets in each of their Regions, by the ways that Terraform has into the accounts. */
export function checkBySmoke(source: Stack, wave: readonly Stack[], onPassed: () => void): Check {
  const targets = wave.filter(({ kind }) => kind === 'target');
  const regions = Array.from(new Set(targets.flatMap((target) => target.regions)));
  return async ({ signal, say }) => {
    for (const region of regions) {
      const settings = ({ access }: Stack) => clientSettings({ ...access, region });
      const ofSource = settings(source);
      const inRegion = targets.filter((target) => target.regions.includes(region));
      const [first] = inRegion.flatMap(({ modules }) => modules.filter((call) => call.region === region));
      try {
        await smokeCopy(
          {
            ec2: new EC2Client(ofSource),
            sns: new SNSClient(ofSource),
            requestTopicArn: String(first?.inputs['request_topic_arn']),
          },
          inRegion.map((target) => ({
            id: target.accountId,
            copier: 'image-copier',
            ec2: new EC2Client(settings(target)),
          })),
          say,
          signal,
        );
      } catch (error) {
        throw explained(error, { region, name: 'image-copier' });
      }
    }
    onPassed();
  };
}
