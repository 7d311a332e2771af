/*
 * What single values may be, for messages, inputs and options of the command line alike. Apart from the schemas of whole messages: the
 * tool checks its options by this, and shows its help without loading zod.
 */

/** An image id. EC2 makes them of 8 or 17 digits (EC2 User Guide, "Resource IDs"), and may make longer ones again. */
export const IMAGE_ID = /^ami-[0-9a-f]{1,32}$/;

/** The most days that an image may be in quarantine. */
export const MAX_QUARANTINE_DAYS = 365;

// SSM API Reference, PutParameter: letters, digits and _ . - within a level.
const LEVEL = /^[A-Za-z0-9_.-]+$/;
const MAX_CHANNEL_LENGTH = 64;

/** What {@link isChannel} takes, in words. */
export const CHANNEL_WORDS = `1 to ${MAX_CHANNEL_LENGTH} letters, digits, dots, hyphens and underscores`;

/** Whether a channel may have this name. */
export function isChannel(text: string): boolean {
  return text.length <= MAX_CHANNEL_LENGTH && isLevel(text);
}

/**
 * Whether a text can be a level of a parameter's name. SSM would take . and .. as they are, but what else reads a path takes them for
 * steps.
 */
export function isLevel(text: string): boolean {
  return LEVEL.test(text) && text !== '.' && text !== '..';
}
