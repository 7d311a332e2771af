import type { Examination, Question } from '../doctor/examine.ts';
import type { CheckedCopier } from '../doctor/finding.ts';
import type { CopierFacts } from '../status/copier-facts.ts';
import type { ReadChoice } from '../status/read-copiers.ts';
import type { ChosenCopier } from './environment.ts';

/** A copier without the way into its account. */
export interface PlainCopier extends Omit<ChosenCopier, 'aws'> {
  readonly aws: undefined;
}

/** What a thread can do for an account. All of it is sent from thread to thread, so there is no function in it. */
export interface Jobs {
  readonly status: { readonly input: ReadChoice; readonly result: CopierFacts };
  readonly doctor: {
    readonly input: {
      readonly copier: CheckedCopier;
      readonly question: Question;
      /** What is known of the topic, where an accounts file says how to reach the source account. */
      readonly topic: { readonly arn: string; readonly isExisting: boolean } | undefined;
    };
    readonly result: Examination;
  };
}

export type JobName = keyof Jobs;

/** What the first thread answers when another asks. */
export type Answers = Readonly<Record<string, (...args: readonly string[]) => Promise<unknown>>>;

/** To a thread. */
export type ToThread =
  | {
      readonly kind: 'task';
      readonly task: number;
      readonly name: JobName;
      readonly copier: PlainCopier;
      readonly input: Jobs[JobName]['input'];
    }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly problem: string }
  | { readonly kind: 'stop'; readonly reason: string };

/** From a thread, about one of its tasks. */
export type FromThread = { readonly task: number } & (
  | { readonly kind: 'question'; readonly id: number; readonly name: string; readonly args: readonly string[] }
  | { readonly kind: 'warning'; readonly line: string }
  | { readonly kind: 'end'; readonly result: Jobs[JobName]['result'] }
  | { readonly kind: 'end'; readonly problem: string }
);
