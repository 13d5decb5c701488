/** From acceptance to the provider's run, by way of everything that can befall a create. */

import { describe, expect, it } from 'vitest';
import { beginCall } from '../../../src/domain/decide.ts';
import { defaultPolicy } from '../../../src/domain/policy.ts';
import { noCalls } from '../../../src/domain/run.ts';
import { accepted, aFault, aSpec, creating, over, running, t0 } from '../../support/fakes/builders.ts';
import { activated, calls, decideAt, faulted, outcomeOf, replied, waitOf, waits } from './given.ts';

const deadlineMs = 600_000;
const { quarantineMs } = defaultPolicy;

describe('a run that is accepted', () => {
  it('is created', () => {
    expect(decideAt(0, accepted(), activated()).next).toEqual(calls('create'));
  });

  it('has its intent on record, and the call counted, before the create is sent', () => {
    expect(beginCall(accepted({ faultStreak: 2 }), 'create', t0 + 5)).toEqual(
      creating({ intentAtMs: t0 + 5, faultStreak: 2 }),
    );
  });

  it('ends without a call when its deadline passed first', () => {
    const decision = decideAt(deadlineMs, accepted(), activated());
    expect(outcomeOf(decision)).toMatchObject({ status: 'timed_out', error: { code: 'deadline_exceeded' } });
    expect(decision.state).toMatchObject({
      phase: 'ended',
      status: 'timed_out',
      calls: noCalls,
      providerRunId: null,
    });
  });

  it('ends without a call when its caller cancelled it first', () => {
    const decision = decideAt(10, accepted(), activated({ cancelRequestedAtMs: t0 + 5 }));
    expect(outcomeOf(decision)).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } });
    expect(decision.state.calls).toEqual(noCalls);
  });

  it('is cancelled by its caller, not timed out, when both come at once', () => {
    const decision = decideAt(deadlineMs, accepted(), activated({ cancelRequestedAtMs: t0 + 5 }));
    expect(outcomeOf(decision).status).toBe('cancelled');
  });

  it('keeps to its time after a fault', () => {
    const parked = accepted({ wakeAtMs: t0 + 5000 });
    expect(decideAt(1000, parked, activated())).toEqual({ state: parked, next: waits(5000) });
    // A job may fire a little early.
    expect(decideAt(4750, parked, activated()).next).toEqual(calls('create'));
  });
});

describe('a create that is answered', () => {
  it('is followed, and not looked at at once', () => {
    const snapshot = running('queued', { providerRunId: 'resp_1', expiresAtMs: t0 + 60_000 });
    const decision = decideAt(800, creating({ faultStreak: 3 }), replied('create', snapshot));
    expect(decision.next).toEqual(waits(1300));
    expect(decision.state).toMatchObject({
      phase: 'following',
      status: 'queued',
      providerRunId: 'resp_1',
      startedAtMs: t0 + 800,
      lastLookAtMs: t0 + 800,
      expiresAtMs: t0 + 60_000,
      looks: 0,
      faultStreak: 0,
      cancelSentAtMs: null,
    });
  });

  it('ends at once when the run was over by then', () => {
    const decision = decideAt(800, creating(), replied('create', over()));
    expect(outcomeOf(decision)).toMatchObject({
      status: 'completed',
      output: { text: 'Hello yourself.' },
      completedAtMs: t0 + 800,
      detectionDelayMs: 0,
    });
    expect(decision.state).toMatchObject({ providerRunId: 'prov-1', startedAtMs: t0 + 800 });
  });

  it('goes on with the cancel that was asked for meanwhile', () => {
    const state = creating({ cancel: { reason: 'caller', atMs: t0 } });
    expect(decideAt(800, state, replied('create', running())).next).toEqual(calls('cancel'));
  });
});

/** The wait after so many faults in a row. */
const after = (faultStreak: number, type: 'unavailable' | 'conflict') =>
  waitOf(decideAt(0, creating({ faultStreak }), faulted('create', aFault(type))));

describe('a create that is refused', () => {
  it.each(['unauthorized', 'not_found', 'refused'] as const)('%s: rejected, in its words', (type) => {
    const decision = decideAt(100, creating(), faulted('create', aFault(type)));
    expect(outcomeOf(decision)).toMatchObject({
      status: 'rejected',
      error: { code: `some_${type}`, message: `It is ${type}.`, retryable: false },
    });
    expect(decision.state.calls.create).toBe(1);
  });

  it.each([
    ['throttled', 1000],
    ['unavailable', 1000],
    ['conflict', 1000],
  ] as const)('%s: nothing was created, so it is tried again after %i ms', (type, delayMs) => {
    const decision = decideAt(100, creating(), faulted('create', aFault(type)));
    expect(decision.next).toEqual(waits(100 + delayMs));
    expect(decision.state).toMatchObject({ phase: 'accepted', faultStreak: 1, lastFault: { type } });
    expect(decision.state).not.toHaveProperty('intentAtMs');
  });

  it('waits longer from fault to fault, and for a thread not as long', () => {
    expect([0, 1, 2, 5, 99].map((n) => after(n, 'unavailable'))).toEqual([1000, 2000, 4000, 30_000, 30_000]);
    expect([0, 1, 2, 5, 99].map((n) => after(n, 'conflict'))).toEqual([1000, 1500, 2250, 7594, 10_000]);
  });

  it.each(['throttled', 'unavailable', 'conflict'] as const)(
    '%s: obeys Retry-After to the letter',
    (type) => {
      const fault = aFault(type, { retryAfterMs: 120_000 });
      expect(decideAt(100, creating(), faulted('create', fault), { random: 0.9 }).next).toEqual(
        waits(120_100),
      );
    },
  );

  it('waits no longer than to its deadline', () => {
    const fault = aFault('throttled', { retryAfterMs: 86_400_000 });
    expect(decideAt(100, creating(), faulted('create', fault)).next).toEqual(waits(deadlineMs));
  });

  it('does not hammer a provider that asks it to come back after 0 seconds', () => {
    const fault = aFault('throttled', { retryAfterMs: 0 });
    const wait = waitOf(decideAt(0, creating({ faultStreak: 20 }), faulted('create', fault)));
    expect(wait).toBeGreaterThanOrEqual(100);
  });
});

describe('a create whose reply was lost', () => {
  it('stays on record as sent', () => {
    const decision = decideAt(500, creating(), faulted('create', aFault('unclear')));
    expect(decision.next).toEqual(waits(1500));
    expect(decision.state).toMatchObject({ phase: 'creating', intentAtMs: t0 });
  });

  describe('where runs can be found', () => {
    const canFind = { canFind: true };

    it('is looked for first', () => {
      expect(decideAt(1500, creating(), activated(), canFind).next).toEqual(calls('find'));
    });

    it('is adopted when it is found', () => {
      const snapshot = running('in_progress', { createdAtMs: t0 + 1000, threadId: 'thread_1' });
      const decision = decideAt(1500, creating(), { type: 'found', snapshot }, canFind);
      expect(decision.state).toMatchObject({
        phase: 'following',
        providerRunId: 'prov-1',
        threadId: 'thread_1',
        startedAtMs: t0 + 1000,
      });
      expect(decision.next).toEqual(waits(2000));
    });

    it('ends when it is found, and over', () => {
      const snapshot = over('failed', { error: { code: 'server_error', message: 'It broke.' } });
      const decision = decideAt(1500, creating(), { type: 'found', snapshot }, canFind);
      expect(outcomeOf(decision)).toMatchObject({ status: 'failed', error: { retryable: true } });
    });

    it('is cancelled when it is found, and its caller gave up meanwhile', () => {
      const state = creating({ cancel: { reason: 'caller', atMs: t0 } });
      const event = { type: 'found', snapshot: running() } as const;
      expect(decideAt(1500, state, event, canFind).next).toEqual(calls('cancel'));
    });

    it.each([
      [500, 1500],
      [3000, 6000],
      [20_000, 40_000],
    ])('is looked for again: not found after %i ms, next after %i ms', (atMs, nextMs) => {
      const decision = decideAt(atMs, creating(), { type: 'found', snapshot: null }, canFind);
      expect(decision).toMatchObject({ state: { phase: 'creating' }, next: waits(nextMs) });
    });

    it.each(['fail', 'retry'] as const)(
      'is created again when it is not there after the quarantine (on_ambiguous %s): that is proof',
      (onAmbiguous) => {
        const patch = { ...canFind, spec: aSpec({ onAmbiguous }) };
        const event = { type: 'found', snapshot: null } as const;
        expect(decideAt(quarantineMs, creating(), event, patch).next).toEqual(calls('create'));
        expect(decideAt(quarantineMs - 1, creating(), event, patch).next).not.toEqual(calls('create'));
      },
    );

    it('is not created again when it was cancelled meanwhile', () => {
      const state = creating({ cancel: { reason: 'caller', atMs: t0 } });
      const decision = decideAt(quarantineMs, state, { type: 'found', snapshot: null }, canFind);
      expect(outcomeOf(decision)).toMatchObject({ status: 'cancelled' });
      expect(outcomeOf(decision).error?.message).not.toContain('may still run');
    });

    it('ends when it cannot be looked for until long after its cancel', () => {
      // The thread is gone, or the key: the search itself is answered 404 or 401 for ever.
      const state = creating({ cancel: { reason: 'caller', atMs: t0 }, faultStreak: 50 });
      const lateMs = 10 * (quarantineMs + defaultPolicy.cancelGraceMs);
      const asked = decideAt(lateMs, { ...state, wakeAtMs: t0 + lateMs }, activated(), canFind);
      const decision =
        asked.next.type === 'call'
          ? decideAt(lateMs, asked.state, faulted('find', aFault('not_found')), canFind)
          : asked;
      expect(outcomeOf(decision).status).toBe('cancelled');
    });
  });

  describe('where runs cannot be found', () => {
    it('waits out the quarantine', () => {
      expect(decideAt(1500, creating(), activated())).toMatchObject({
        state: { phase: 'creating' },
        next: waits(quarantineMs),
      });
    });

    it('ends as ambiguous by default', () => {
      const decision = decideAt(quarantineMs, creating(), activated());
      expect(outcomeOf(decision)).toMatchObject({
        status: 'failed',
        error: { code: 'ambiguous_create', retryable: true },
      });
    });

    it('is created again when the caller allows it', () => {
      const spec = aSpec({ onAmbiguous: 'retry' });
      const decision = decideAt(quarantineMs, creating(), activated(), { spec });
      expect(decision.next).toEqual(calls('create'));
      expect(beginCall(decision.state, 'create', t0 + quarantineMs)).toMatchObject({
        intentAtMs: t0 + quarantineMs,
        calls: { create: 2 },
      });
    });

    it.each(['fail', 'retry'] as const)(
      'says after a cancel that it may still run (on_ambiguous %s)',
      (onAmbiguous) => {
        const state = creating({ cancel: { reason: 'caller', atMs: t0 } });
        const decision = decideAt(quarantineMs, state, activated(), { spec: aSpec({ onAmbiguous }) });
        expect(outcomeOf(decision)).toMatchObject({ status: 'cancelled' });
        expect(outcomeOf(decision).error?.message).toContain('may still run');
      },
    );

    it('times out, not before the quarantine is over, when the deadline comes within', () => {
      const spec = aSpec({ deadlineAtMs: t0 + 10_000 });
      const waiting = decideAt(10_000, creating(), activated(), { spec });
      expect(waiting).toMatchObject({ state: { cancel: { reason: 'deadline' } }, next: waits(quarantineMs) });
      expect(outcomeOf(decideAt(quarantineMs, waiting.state, activated(), { spec })).status).toBe(
        'timed_out',
      );
    });
  });
});

describe('a run that waits in its lane', () => {
  it('is not created before its turn, and asks again by itself', () => {
    const { state, next } = decideAt(0, accepted(), activated({ turn: 'busy' }));
    expect(next).toEqual(waits(defaultPolicy.laneCheckMs));
    expect(state).toMatchObject({ phase: 'accepted', inLane: true, calls: noCalls });
    // Nobody woke it: it goes on waiting.
    expect(waitOf(decideAt(1000, state, activated({ turn: 'busy' })))).toBeGreaterThan(1000);
  });

  it('is created as soon as its turn has come', () => {
    const waiting = accepted({ inLane: true, wakeAtMs: t0 + 60_000 });
    const { state, next } = decideAt(1000, waiting, activated({ turn: 'free' }));
    expect(next).toEqual(calls('create'));
    expect(state).not.toHaveProperty('inLane');
  });

  it('keeps to its time after a fault, though it has its turn', () => {
    const parked = accepted({ wakeAtMs: t0 + 5000 });
    expect(decideAt(1000, parked, activated({ turn: 'free' })).next).toEqual(waits(5000));
  });

  it('ends at its deadline, and when it is cancelled, without a call', () => {
    const waiting = accepted({ inLane: true, wakeAtMs: t0 + 60_000 });
    expect(outcomeOf(decideAt(deadlineMs, waiting, activated({ turn: 'busy' }))).status).toBe('timed_out');
    const cancelled = activated({ turn: 'busy', cancelRequestedAtMs: t0 });
    expect(outcomeOf(decideAt(1, waiting, cancelled)).status).toBe('cancelled');
    expect(waitOf(decideAt(deadlineMs - 10, accepted(), activated({ turn: 'busy' })))).toBe(deadlineMs);
  });
});
