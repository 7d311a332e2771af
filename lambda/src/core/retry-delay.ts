const FIRST_SECONDS = 30;
const LONGEST_SECONDS = 15 * 60;

/**
 * Seconds until the next try: 30 to 60 after the first, doubling up to 450 to 900. The random half keeps requests that
 * failed together from coming back together.
 * @param receiveCount how often the queue has delivered the message, from 1
 * @param random 0 <= random < 1
 */
export function retryDelaySeconds(receiveCount: number, random: number): number {
  const most = Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** receiveCount);
  return Math.round((most / 2) * (1 + random));
}
