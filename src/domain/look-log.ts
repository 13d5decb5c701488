/** When and why a run was looked at: a few words in its state, for whoever asks why it cost what it cost. */

/** Why a schedule looks when it does. */
export const scheduleReasons = ['learned', 'guard', 'max_delay', 'backoff'] as const;
export type ScheduleReason = (typeof scheduleReasons)[number];

/**
 * - `learned`: it pays now, by what is known of such runs;
 * - `guard`: earlier than it would pay, since little is known; `max_delay`: the bound on the delay;
 * - `backoff`: the plain schedule's time;
 * - `provider`: the provider asked to wait so long; `expiry`: it expires the run now;
 * - `quota`: no call was permitted before; `fault`: again after a call that failed;
 * - `cancel`: whether the cancel has taken effect;
 * - `webhook`, `stream`: these told of a change.
 */
export const lookReasons = [
  ...scheduleReasons,
  'provider',
  'expiry',
  'quota',
  'fault',
  'cancel',
  'webhook',
  'stream',
] as const;
export type LookReason = (typeof lookReasons)[number];

/** The run's age when the answer came, and why it was asked. A pair, since it is written at every step. */
export type LookNote = readonly [ageMs: number, reason: LookReason];

/** The newest of them are kept: enough to see a pattern, little enough for a state that is rewritten at each step. */
export const mostLookNotes = 20;

export function withLook(log: readonly LookNote[] | undefined, note: LookNote): readonly LookNote[] {
  return [...(log ?? []), note].slice(-mostLookNotes);
}
