import * as z from 'zod';
import { IMAGE_ID } from '../../../lambda/src/core/allowed-values.ts';
import { UserError } from '../common/user-error.ts';

/** An image in its Region. */
export interface ImageInRegion {
  readonly imageId: string;
  readonly region: string;
}

/** What Packer made in its last run. */
interface LastRun {
  /** For each build its images, one for each Region that it was baked in or copied to. */
  readonly builds: readonly (readonly ImageInRegion[])[];
  /** The builds that made no artifact, by name. */
  readonly withoutImage: readonly string[];
}

// Packer, post-processor/manifest: `builds` has the artifacts of every run that wrote into the file, each with the UUID of its
// run. It has more fields, which say nothing about images.
const manifest = z.object({
  builds: z.array(
    z.object({ name: z.optional(z.string()), artifact_id: z.nullable(z.string()), packer_run_uuid: z.string() }),
  ),
  last_run_uuid: z.string(),
});

/**
 * The images that Packer made in its last run.
 * @param text of the file that its post-processor "manifest" writes
 * @param file its name, for messages
 * @throws {UserError} if there are none
 */
export function imagesOfManifest(text: string, file: string): LastRun {
  const { builds: all, last_run_uuid: run } = parse(text, file);
  const ofRun = all.filter(({ packer_run_uuid: uuid }) => uuid === run);
  // The Amazon plugin's artifact: region:image, and a comma before each further one. Other builders have other ids.
  const images = ofRun.map(({ artifact_id: id }) => (id ?? '').split(',').flatMap((part) => imageOf(part)));
  const builds = images.filter((build) => build.length > 0);
  if (builds.length === 0) throw new UserError(`${file} has no machine image of the last run (last_run_uuid).`, 2);
  // Packer notes null for a build whose artifact it does not know.
  const withoutImage = ofRun.flatMap(({ artifact_id: id, name = 'one without a name' }) => (id === null ? [name] : []));
  return { builds, withoutImage };
}

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
