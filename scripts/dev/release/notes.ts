import { SetupError } from '../../tool/common/setup-error.ts';

/**
 * What a changelog says of a version, without the heading; as long as it has no section of its own, what is not released yet.
 * @param changelog in the form of keepachangelog.com
 * @throws {SetupError} if it has neither section, or the section is empty
 */
export function releaseNotes(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m).slice(1);
  const notes = [version, 'Unreleased']
    .map((title) => sections.find((section) => section.startsWith(`[${title}]`)))
    .find((section) => section !== undefined)
    ?.replace(/^.*/, '')
    .trim();
  if (!notes)
    throw new SetupError(
      `CHANGELOG.md says nothing of ${version}: it has no text below ## [${version}] or ## [Unreleased].`,
    );
  return `${notes}\n`;
}
