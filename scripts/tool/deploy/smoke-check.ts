import type { Stack } from '../../../terraform/stacks/stacks.ts';
import type { Check } from './roll-out.ts';
import { DEFAULT_NAME } from '../common/environment-options.ts';
import { smokeCopy } from './smoke-copy.ts';
import type { Tool } from '../common/tool.ts';

/** Has an image copied into the targets in each of their Regions, by the ways that Terraform has into the accounts. */
export function checkBySmoke(
  source: Stack,
  wave: readonly Stack[],
  loadConnect: Tool['loadConnect'],
  onPassed: () => void,
): Check {
  const targets = wave.filter(({ kind }) => kind === 'target');
  const regions = Array.from(new Set(targets.flatMap((target) => target.regions)));
  return async ({ signal, print }) => {
    const connect = await loadConnect();
    for (const region of regions) {
      const clientsFor = ({ access }: Stack) => connect({ ...access, region });
      const inRegion = targets.filter((target) => target.regions.includes(region));
      const [first] = inRegion.flatMap(({ modules }) => modules.filter((call) => call.region === region));
      const { ec2, sns } = clientsFor(source);
      await smokeCopy(
        { id: source.accountId, ec2, sns, requestTopicArn: first?.inputs['request_topic_arn'] as string },
        inRegion.map((target) => ({
          id: target.accountId,
          copier: nameIn(target, region),
          ec2: clientsFor(target).ec2,
        })),
        print,
        signal,
      );
    }
    onPassed();
  };
}

/** The name of a target's copier in a Region. */
function nameIn({ modules }: Stack, region: string): string {
  const name = modules.find((call) => call.region === region)?.inputs['name'];
  return typeof name === 'string' ? name : DEFAULT_NAME;
}
