/** A caller's cancel, and the deadline, which is one too. */

import { describe, expect, it } from 'vitest';
import { defaultPolicy } from '../../../src/domain/policy.ts';
import type { CancelIntent } from '../../../src/domain/run.ts';
import { aFault, following, over, running, t0 } from '../../support/fakes/builders.ts';
import { activated, calls, decideAt, faulted, outcomeOf, replied, waitOf, waits } from './given.ts';

const deadlineMs = 600_000;
const { cancelGraceMs } = defaultPolicy;
const byCaller: CancelIntent = { reason: 'caller', atMs: t0 };

describe('a cancel', () => {
  it('is sent at once, also before the run is due', () => {
    const state = following({ wakeAtMs: t0 + 60_000 });
    const decision = decideAt(500, state, activated({ cancelRequestedAtMs: t0 + 400 }));
    expect(decision.next).toEqual(calls('cancel'));
    expect(decision.state.cancel).toMatchObject({ reason: 'caller' });
  });

  it('is acted upon once: asked for again, the run keeps to its time', () => {
    const state = following({ wakeAtMs: t0 + 60_000, cancel: byCaller, cancelSentAtMs: t0 });
    expect(decideAt(500, state, activated({ cancelRequestedAtMs: t0 + 400 }))).toEqual({
      state,
      next: waits(60_000),
    });
  });

  it('keeps its first reason when the deadline comes after it', () => {
    const state = following({ cancel: byCaller, cancelSentAtMs: t0 });
    expect(decideAt(deadlineMs, state, activated()).state.cancel).toEqual(byCaller);
  });

  it('is confirmed by the answer', () => {
    const decision = decideAt(600, following({ cancel: byCaller }), replied('cancel', over('cancelled')));
    expect(outcomeOf(decision)).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } });
  });

  it('is confirmed by a later look, taken soon', () => {
    const state = following({ cancel: byCaller, looks: 30 });
    const decision = decideAt(600, state, replied('cancel', running('cancelling')));
    expect(decision.next).toEqual(waits(1100));
    expect(decision.state).toMatchObject({ cancelSentAtMs: t0 + 600, looks: 0 });
    expect(decideAt(1100, decision.state, activated()).next).toEqual(calls('retrieve'));
  });

  it('that is confirmed by nobody ends the run after a grace', () => {
    const state = following({ cancel: byCaller, cancelSentAtMs: t0 });
    expect(decideAt(cancelGraceMs - 1, state, activated()).next).toEqual(calls('retrieve'));
    const decision = decideAt(cancelGraceMs, state, activated());
    expect(outcomeOf(decision)).toMatchObject({ status: 'cancelled' });
    expect(outcomeOf(decision).error?.message).toContain('did not confirm');
    expect(decision.state).toMatchObject({ providerRunId: 'prov-1' });
  });

  it.each(['completed', 'failed', 'incomplete', 'expired'] as const)(
    'that comes too late leaves the run %s',
    (status) => {
      const state = following({ cancel: byCaller });
      expect(outcomeOf(decideAt(600, state, replied('cancel', over(status)))).status).toBe(status);
    },
  );

  it.each(['refused', 'conflict'] as const)(
    'that is %s: the run ended first, and a look tells how',
    (type) => {
      const state = following({ cancel: byCaller });
      const decision = decideAt(600, state, faulted('cancel', aFault(type)));
      expect(decision.next).toEqual(calls('retrieve'));
      expect(outcomeOf(decideAt(700, decision.state, replied('retrieve', over()))).status).toBe('completed');
      // And when it did not end: it is not cancelled over and over.
      expect(decideAt(700, decision.state, replied('retrieve', running())).next.type).toBe('wait');
    },
  );

  it.each(['throttled', 'unavailable', 'unclear'] as const)('that is %s is sent again', (type) => {
    const state = following({ cancel: byCaller });
    const decision = decideAt(600, state, faulted('cancel', aFault(type)));
    expect(decision.next).toEqual(waits(1600));
    expect(decideAt(1600, decision.state, activated()).next).toEqual(calls('cancel'));
  });

  it.each(['throttled', 'unavailable'] as const)(
    'that is %s, with a Retry-After of a day, still ends the run after the grace',
    (type) => {
      const state = following({ cancel: byCaller });
      const fault = aFault(type, { retryAfterMs: 86_400_000 });
      expect(waitOf(decideAt(600, state, faulted('cancel', fault)))).toBeLessThanOrEqual(cancelGraceMs);
    },
  );

  it('ends the run after the grace, whatever the provider says of the next look', () => {
    const state = following({ cancel: byCaller });
    const snapshot = running('cancelling', { pollAfterMs: 3_600_000 });
    expect(waitOf(decideAt(600, state, replied('cancel', snapshot)))).toBeLessThanOrEqual(cancelGraceMs);
  });
});

describe('the deadline', () => {
  it('cancels the run at the provider', () => {
    expect(decideAt(deadlineMs - 1, following(), activated()).next).toEqual(calls('retrieve'));
    const decision = decideAt(deadlineMs, following(), activated());
    expect(decision.next).toEqual(calls('cancel'));
    expect(decision.state.cancel).toEqual({ reason: 'deadline', atMs: t0 + deadlineMs });
  });

  it('makes it timed out, confirmed or not', () => {
    const state = following({
      cancel: { reason: 'deadline', atMs: t0 + deadlineMs },
      cancelSentAtMs: t0 + deadlineMs,
    });
    const confirmed = decideAt(deadlineMs + 500, state, replied('retrieve', over('cancelled')));
    expect(outcomeOf(confirmed)).toMatchObject({
      status: 'timed_out',
      error: { code: 'deadline_exceeded', retryable: true },
    });
    const unconfirmed = decideAt(deadlineMs + cancelGraceMs, state, activated());
    expect(outcomeOf(unconfirmed)).toMatchObject({ status: 'timed_out' });
    expect(outcomeOf(unconfirmed).error?.message).toContain('did not confirm');
  });

  it('takes nothing away from a run that completed just before', () => {
    const state = following({ cancel: { reason: 'deadline', atMs: t0 + deadlineMs } });
    const decision = decideAt(deadlineMs + 50, state, replied('cancel', over()));
    expect(outcomeOf(decision)).toMatchObject({ status: 'completed', error: null });
  });
});
