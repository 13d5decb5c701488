/**
 * What it means that neither a webhook nor a look has told of a run for a while: one that is put off at a review counts
 * as so many ends that should have been told of, until a look says what is the matter.
 */

import { lastReviewShare } from './learned-schedule.ts';
import type { DurationEstimate } from './duration-model.ts';
import { survivalAt } from './survival.ts';

/** A gap between looks: the run's age at its start, how long it has lasted, and the plain schedule's gap instead. */
export interface StretchedGap {
  readonly ageMs: number;
  readonly sinceMs: number;
  readonly plainMs: number;
}

/** What is known of long lives is little. */
const mostEnds = 3;

/** How many of such runs would have ended from the review before this one (or the look) to now. */
export function silenceAtReview(
  estimate: DurationEstimate,
  { ageMs, sinceMs, plainMs }: StretchedGap,
): number {
  // Reviews come after a plain gap, then each time after twice as long.
  const reviewedMs = sinceMs < 1.5 * plainMs ? 0 : sinceMs / 2;
  return expectedEnds(estimate, ageMs + reviewedMs, ageMs + sinceMs);
}

/** Less what the reviews of a gap have added up to, as a look ends it: from then on, its answer is what counts. */
export function silenceTakenBack(
  estimate: DurationEstimate,
  { ageMs, sinceMs, plainMs }: StretchedGap,
): number {
  let reviewedMs = plainMs;
  if (reviewedMs > lastReviewShare * sinceMs) return 0;
  while (2 * reviewedMs <= lastReviewShare * sinceMs) reviewedMs *= 2;
  return -expectedEnds(estimate, ageMs, ageMs + reviewedMs);
}

/** Observations of a class that make its silence count by half: of one that is new, it tells of durations instead. */
const halfTrusted = 50;

function expectedEnds({ curve, evidence }: DurationEstimate, fromMs: number, toMs: number): number {
  const left = survivalAt(curve, toMs) / Math.max(1e-9, survivalAt(curve, fromMs));
  const ends = Math.min(mostEnds, -Math.log(Math.max(1e-9, Math.min(1, left))));
  return (ends * evidence ** 2) / (evidence ** 2 + halfTrusted ** 2);
}
