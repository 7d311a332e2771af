/**
 * Minutes within which EC2 may be asked to copy each snapshot of an image: 15 minutes to 48 hours, in steps of 15 (EBS User
 * Guide, "Time-based copies for Amazon EBS snapshots and EBS-backed AMIs"). Without it a copy is made at EC2's own pace.
 */
export const PACE = { stepMinutes: 15, maxMinutes: 48 * 60 } as const;

/** Whether EC2 can be asked to copy within so many minutes. */
export function isPace(minutes: number): boolean {
  return minutes % PACE.stepMinutes === 0 && minutes >= PACE.stepMinutes && minutes <= PACE.maxMinutes;
}
