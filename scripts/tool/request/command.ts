import { Option, type Command } from 'commander';
import { imageId, minutes, pace, PACE_WORDS, regions } from '../common/option-values.ts';
import { PACE } from '../../../lambda/src/core/copy-pace.ts';
import { addEnvironmentOptions } from '../common/environment-options.ts';
import { pacePrice } from '../cost/prices.ts';
import { EXIT_CODES, type End, type Tool } from '../common/tool.ts';
import type { RequestOptions } from './run.ts';

const help = (copier: string) => `
The credentials are those of the source account; an accounts file says by itself how that account is reached.

With --within EC2 charges $${pacePrice(PACE.stepMinutes)} for each GiB that is copied within ${PACE.stepMinutes} minutes, and less for longer times, down to
$${pacePrice(PACE.maxMinutes)}: ${copier} cost --within adds it up. It copies a snapshot at 500 MiB/s at most, and all such copies between two Regions
together at 2,000 MiB/s. Where nothing of that is left the copy is made at EC2's own pace.

Examples:
  ${copier} request ami-0123456789abcdef0 --accounts-file accounts.yaml --share --wait
  ${copier} request --packer-manifest packer-manifest.json --accounts 222222222222 --topic amigo-PROD-notify

${EXIT_CODES}`;

/** Adds `request`: asks accounts for their copies of an image that was just baked. */
export function addRequest(program: Command, tool: Tool, end: End): void {
  addEnvironmentOptions(program.command('request'))
    .description('ask accounts for their encrypted copies of an image')
    .argument('[image]', 'the image, such as ami-0123456789abcdef0', imageId)
    .addOption(
      new Option(
        '--only-region <regions>',
        "of the accounts' Regions these alone, such as eu-west-1,us-east-1; --region is that of the image",
      ).argParser(regions),
    )
    .option('--packer-manifest <file>', "the images of Packer's last run instead, each in its Region")
    .option('--topic <name>', 'name of the topic for copy requests; an accounts file has it already')
    .option('--share', 'give launch permission, and createVolume permission on each snapshot, where they are missing')
    .option('--shared-tags', 'set the tags on the image once more as ec2:SharedTag/, so that the accounts see them')
    .addOption(
      new Option('--within <time>', `ask EC2 for copies within this time, for more money; ${PACE_WORDS}`).argParser(
        pace,
      ),
    )
    .option('--wait', 'wait until each account has its copy or has failed')
    .addOption(new Option('--timeout <minutes>', 'how long to wait, at most').argParser(minutes).default(120))
    .option('--dry-run', 'show every call that changes something, and make none')
    .option('--json', 'print a JSON array with what became of each account')
    .addHelpText('after', help(tool.program))
    .action(async (image: string | undefined, options: RequestOptions) => {
      const { request } = await import('./run.ts');
      end(await request(image, options, tool));
    });
}
