/** Looks that are stretched, and what becomes of them when what stretched them has passed. */

import { describe, expect, it } from 'vitest';
import type { LookReason } from '../../../src/domain/look-log.ts';
import { reviewedSchedule } from '../../../src/domain/polling/learned-schedule.ts';
import type { PollSchedule } from '../../../src/domain/poll-schedule.ts';
import type { FollowingState } from '../../../src/domain/run.ts';
import { following, running, t0 } from '../../support/fakes/builders.ts';
import { activated, calls, decideAt, replied, waits } from './given.ts';

const every = (delayMs: number): PollSchedule => ({ delayMs: () => delayMs, reason: () => 'learned' });
const plain = every(10_000);
/** Looks that are due after 100 s, and would be after 10 s if nothing stretched them. */
const stretched = reviewedSchedule(every(100_000), plain);

/** Parked at `t0`, under the stretched schedule. */
function parked(patch: Partial<FollowingState> = {}): FollowingState {
  return following({ lookReason: 'learned', wakeAtMs: t0 + 10_000, lookAtMs: t0 + 100_000, ...patch });
}

describe('a look that is stretched', () => {
  it('has its job ask again when it would be due otherwise', () => {
    const decision = decideAt(0, following(), replied('retrieve', running()), { schedule: stretched });
    expect(decision.next).toEqual(waits(10_000));
    expect(decision.state).toMatchObject({ wakeAtMs: t0 + 10_000, lookAtMs: t0 + 100_000 });
  });

  it('is put off as long as that lasts: asked for after twice as long each time, and had in the end', () => {
    const times: number[] = [];
    let state = parked();
    for (let n = 0; n < 10; n += 1) {
      const atMs = state.wakeAtMs - t0;
      times.push(atMs);
      const decision = decideAt(atMs, state, activated(), { schedule: stretched });
      if (decision.next.type === 'call' || decision.state.phase !== 'following') break;
      ({ state } = decision);
    }
    expect(times).toEqual([10_000, 20_000, 40_000, 100_000]);
  });

  it('is had at once when nothing stretches it any more', () => {
    expect(decideAt(10_000, parked(), activated(), { schedule: plain }).next).toEqual(calls('retrieve'));
  });

  it('waits for the schedule of now, without another review, when that is a little later', () => {
    const decision = decideAt(10_000, parked(), activated(), { schedule: every(15_000) });
    expect(decision.next).toEqual(waits(15_000));
    expect(decision.state).not.toHaveProperty('lookAtMs');
  });

  it('is put off when looks have become dearer since', () => {
    const { lookAtMs: _, ...rest } = parked({ wakeAtMs: t0 + 50_000 });
    expect(decideAt(50_000, rest, activated(), { schedule: stretched }).next).toEqual(waits(100_000));
    // Where nothing is stretched, a time that was set stands, whatever has been learnt since.
    expect(decideAt(50_000, rest, activated(), { schedule: every(90_000) }).next).toEqual(calls('retrieve'));
  });

  it('is had at once when a webhook tells of the run', () => {
    const event = activated({ wokenBy: 'webhook' });
    expect(decideAt(10_000, parked(), event, { schedule: stretched }).next).toEqual(calls('retrieve'));
  });

  it.each<[string, Partial<FollowingState>]>([
    ['the look has failed before', { faultStreak: 1 }],
    ['it has a place in the queue of the quota', { permit: { callClass: 'look', ticket: 'x' } }],
    ['it has expired', { expiresAtMs: t0 + 9000 }],
    ...(['backoff', 'provider', 'quota', 'fault', 'cancel'] satisfies LookReason[]).map(
      (lookReason): [string, Partial<FollowingState>] => [`it is for "${lookReason}"`, { lookReason }],
    ),
  ])('is not put off when %s', (_, patch) => {
    const decision = decideAt(10_000, parked(patch), activated(), { schedule: stretched });
    expect(decision.next).toEqual(calls('retrieve'));
  });

  it('is not reviewed before the provider would have it', () => {
    const snapshot = running('in_progress', { pollAfterMs: 30_000 });
    const { next } = decideAt(0, following(), replied('retrieve', snapshot), { schedule: stretched });
    expect(next).toEqual(waits(30_000));
  });

  it('is reviewed, and no later than its expiry, when the run expires before it', () => {
    const state = following({ expiresAtMs: t0 + 30_000 });
    const decision = decideAt(0, state, replied('retrieve', running()), { schedule: stretched });
    expect(decision.next).toEqual(waits(10_000));
    expect(decision.state).toMatchObject({ lookAtMs: t0 + 31_000, lookReason: 'expiry' });
  });
});
