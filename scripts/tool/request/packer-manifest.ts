import * as z from 'zod';
import { IMAGE_ID } from '../../../lambda/src/core/allowed-values.ts';
import { UserError } from '../common/user-error.ts';

/** An image in its Region. */
export interface ImageInRegion {
  readonly imageId: string;
  readonly region: string;
}

/** The build of Packer's that runs this tool. */
interface CallingBuild {
  readonly name: string;
  readonly builderType: string;
  readonly runId?: string;
}

/** What Packer made. */
interface Made {
  /** For each build its images, one for each Region that it was baked in or copied to. */
  readonly builds: readonly (readonly ImageInRegion[])[];
  /** The builds that made no artifact, by name. */
  readonly withoutImage: readonly string[];
}

// Packer, post-processor/manifest: `builds` has the artifacts of every run that wrote into the file, each with the UUID of its
// run. It has more fields, which say nothing about images.
const manifest = z.object({
  builds: z.array(
    z.object({
      name: z.optional(z.string()),
      builder_type: z.optional(z.string()),
      artifact_id: z.nullable(z.string()),
      packer_run_uuid: z.string(),
    }),
  ),
  last_run_uuid: z.string(),
});

/** The build by the variables that Packer gives what its shell-local runs; undefined where a person, or something else, runs this tool. */
export function callingBuild({
  PACKER_BUILD_NAME: name,
  PACKER_BUILDER_TYPE: builderType,
  PACKER_RUN_UUID: runId,
}: NodeJS.ProcessEnv): CallingBuild | undefined {
  if (name === undefined || builderType === undefined) return undefined;
  return { name, builderType, ...(runId !== undefined && { runId }) };
}

/**
 * The images that Packer made: in its last run, or in the one build that calls. Packer runs a post-processor once for each build, so each
 * image is asked for by one of the calls.
 * @param text of the file that its post-processor "manifest" writes
 * @param file its name, for messages
 * @param caller whose images alone are wanted
 * @throws {UserError} if there are none; not for a build that made something else
 */
export function imagesOfManifest(text: string, file: string, caller?: CallingBuild): Made {
  const { builds: all, last_run_uuid: lastRun } = parse(text, file);
  const ofRun = all.filter(({ packer_run_uuid: uuid }) => uuid === (caller?.runId ?? lastRun));
  const wanted = caller
    ? ofRun.filter(({ name, builder_type: type }) => name === caller.name && type === caller.builderType)
    : ofRun;
  // The Amazon plugin's artifact: region:image, and a comma before each further one. Other builders have other ids. An artifact that two
  // post-processors noted is there twice.
  const artifacts = Array.from(new Set(wanted.map(({ artifact_id: id }) => id ?? '')));
  const builds = artifacts
    .map((id) => id.split(',').flatMap((part) => imageOf(part)))
    .filter(({ length }) => length > 0);
  // Packer notes null for a build whose artifact it does not know.
  const withoutImage = wanted.flatMap(({ artifact_id: id, name = 'one without a name' }) =>
    id === null ? [name] : [],
  );
  if (builds.length > 0) return { builds, withoutImage };
  if (!caller) {
    throw new UserError(
      `${file} has no machine image of the last run (last_run_uuid). Run packer build again, or name an image in place of the manifest.`,
      2,
    );
  }
  if (wanted.length === 0 && caller.builderType.startsWith(AMAZON)) {
    throw new UserError(
      `${file} has nothing of the build ${caller.name} (${caller.builderType}) in this run. ` +
        'Put the post-processor manifest before this command, in the same post-processors block.',
      2,
    );
  }
  return { builds, withoutImage };
}

/** What the types of the builders begin with that make images of EC2. */
const AMAZON = 'amazon-';

function parse(text: string, file: string): z.output<typeof manifest> {
  try {
    return manifest.parse(JSON.parse(text));
  } catch (error) {
    throw new UserError(`${file} is no manifest of Packer: it needs builds and last_run_uuid.`, 2, { cause: error });
  }
}

function imageOf(part: string): ImageInRegion[] {
  const [, region = '', imageId = ''] = /^([a-z0-9-]+):(\S+)$/.exec(part.trim()) ?? [];
  return IMAGE_ID.test(imageId) ? [{ region, imageId }] : [];
}
