/** Looking at a run that exists: when to look next, and what the answers mean. */

import { describe, expect, it } from 'vitest';
import { beginCall } from '../../../src/domain/decide.ts';
import type { RunEvent } from '../../../src/domain/decision.ts';
import {
  aFault,
  ended,
  fetching,
  following,
  over,
  running,
  t0,
  unheardOf,
} from '../../support/fakes/builders.ts';
import { activated, calls, decideAt, faulted, outcomeOf, replied, waitOf, waits } from './given.ts';

const deadlineMs = 600_000;

describe('a run whose time has come', () => {
  it('is looked at', () => {
    expect(decideAt(500, following(), activated()).next).toEqual(calls('retrieve'));
  });

  it('is looked at early when a webhook wakes it', () => {
    const state = following({ wakeAtMs: t0 + 60_000 });
    expect(decideAt(500, state, activated({ wokenBy: 'webhook' })).next).toEqual(calls('retrieve'));
  });

  it('is parked again without a call when somebody promoted it by hand', () => {
    const state = following({ wakeAtMs: t0 + 60_000 });
    expect(decideAt(500, state, activated())).toEqual({ state, next: waits(60_000) });
    expect(decideAt(60_000 - 251, state, activated()).next).toEqual(waits(60_000));
    expect(decideAt(60_000 - 250, state, activated()).next).toEqual(calls('retrieve'));
  });

  it.each([
    ['retrieve', 'retrieve'],
    ['cancel', 'cancel'],
    ['fetchOutput', 'list'],
    ['find', 'list'],
  ] as const)('counts a %s as one %s', (call, operation) => {
    const { calls: counts } = beginCall(following(), call, t0);
    expect(counts).toEqual({ ...following().calls, [operation]: following().calls[operation] + 1 });
  });
});

const seen = (state = following(), snapshot = running()) =>
  decideAt(10_000, state, replied('retrieve', snapshot));

describe('a run that is still going', () => {
  it('is looked at again at the pace of its schedule', () => {
    expect([0, 1, 5, 50].map((looks) => waitOf(seen(following({ looks }))) - 10_000)).toEqual([
      750, 1125, 5000, 5000,
    ]);
  });

  it('gives its age and its looks to the schedule', () => {
    const asked: unknown[] = [];
    const schedule = {
      delayMs: (context: unknown) => {
        asked.push(context);
        return 1234;
      },
    };
    const state = following({ startedAtMs: t0 + 2000, looks: 4 });
    const decision = decideAt(10_000, state, replied('retrieve', running()), { schedule, random: 0.25 });
    expect(asked).toEqual([{ ageMs: 8000, looks: 5, random: 0.25 }]);
    expect(decision.next).toEqual(waits(11_234));
  });

  it('is as old as its last answered tools, for the schedule', () => {
    const state = following({ startedAtMs: t0, ageFromMs: t0 + 7000, lastLookAtMs: t0 + 7000 });
    const ages: number[] = [];
    const schedule = {
      delayMs: ({ ageMs }: { readonly ageMs: number }) => {
        ages.push(ageMs);
        return 1000;
      },
    };
    decideAt(10_000, state, replied('retrieve', running()), { schedule });
    expect(ages).toEqual([3000]);
  });

  it('has its faults forgotten', () => {
    const troubled = following({ faultStreak: 4, troubleSinceMs: t0, lastFault: aFault('not_found') });
    expect(seen(troubled).state).toMatchObject({
      faultStreak: 0,
      troubleSinceMs: null,
      lastLookAtMs: t0 + 10_000,
      looks: 1,
    });
  });

  it.each(['queued', 'in_progress', 'cancelling'] as const)('%s: waits', (status) => {
    expect(seen(following(), running(status))).toMatchObject({ state: { status }, next: waits(10_750) });
  });

  it('waits at the same pace while its status is one that nobody knows', () => {
    expect(seen(following(), unheardOf('pondering'))).toMatchObject({
      state: { status: 'unknown', rawStatus: 'pondering' },
      next: waits(10_750),
    });
  });

  it('is not looked at before the provider would have it', () => {
    expect(seen(following(), running('queued', { pollAfterMs: 9000 })).next).toEqual(waits(19_000));
    expect(seen(following(), running('queued', { pollAfterMs: 10 })).next).toEqual(waits(10_750));
  });

  it('is looked at a moment after it expires', () => {
    const expiresAtMs = t0 + 10_100;
    expect(seen(following({ looks: 9, expiresAtMs })).next).toEqual(waits(11_100));
    expect(seen(following({ looks: 9 }), running('in_progress', { expiresAtMs })).next).toEqual(
      waits(11_100),
    );
  });

  it('keeps its pace when it outlives its expiry', () => {
    expect(seen(following({ looks: 9, expiresAtMs: t0 + 5000 })).next).toEqual(waits(15_000));
  });

  it('waits no longer than to its deadline', () => {
    const decision = decideAt(
      deadlineMs - 100,
      following({ looks: 9 }),
      replied('retrieve', running('queued', { pollAfterMs: 3_600_000 })),
    );
    expect(decision.next).toEqual(waits(deadlineMs));
  });
});

describe('a run that waits for tools', () => {
  const toolCalls = [{ id: 'call_1', name: 'add', arguments: '{"a":1}' }];

  const asking = { sinceMs: t0 };

  it('has its calls handed out', () => {
    const snapshot = running('requires_action', { toolCalls, expiresAtMs: t0 + 90_000 });
    const decision = decideAt(10_000, following(), replied('retrieve', snapshot));
    expect(decision).toMatchObject({
      state: { status: 'requires_action', toolCalls, asking: { sinceMs: t0 + 10_000 }, tools: { round: 1 } },
      next: { type: 'handOut', calls: toolCalls },
    });
  });

  it('is looked at when it expires, and till then only its answers are looked for', () => {
    const state = following({ status: 'requires_action', toolCalls, asking, expiresAtMs: t0 + 90_000 });
    const none: RunEvent = { type: 'collected', answers: new Map() };
    expect(decideAt(40_000, state, none).next).toEqual(waits(80_000));
    expect(decideAt(80_000, state, none).next).toEqual(waits(91_000));
    expect(decideAt(80_000, state, activated()).next).toEqual({ type: 'collect' });
    expect(decideAt(91_000, state, activated()).next).toEqual(calls('retrieve'));
  });

  it('is not looked at before its deadline when it never expires', () => {
    const decision = decideAt(10_000, following(), replied('retrieve', running('requires_action')));
    expect(decision.next).toEqual(waits(deadlineMs));
  });

  it('is looked at, at the usual pace, once it is being cancelled', () => {
    const state = following({
      cancel: { reason: 'caller', atMs: t0 + 9000 },
      cancelSentAtMs: t0 + 9000,
    });
    const snapshot = running('requires_action', { toolCalls, expiresAtMs: t0 + 90_000 });
    expect(decideAt(10_000, state, replied('retrieve', snapshot)).next).toEqual(waits(10_750));
  });

  it('is not looked at in a hot loop when it outlives its expiry (the clocks differ, or nobody expires it)', () => {
    const snapshot = running('requires_action', { toolCalls, expiresAtMs: t0 + 5000 });
    const state = following({ status: 'requires_action', toolCalls, asking });
    expect(decideAt(10_000, state, replied('retrieve', snapshot)).next).toEqual({ type: 'collect' });
    const none: RunEvent = { type: 'collected', answers: new Map() };
    const decision = decideAt(10_000, { ...state, expiresAtMs: t0 + 5000 }, none);
    expect(waitOf(decision) - 10_000).toBeGreaterThanOrEqual(100);
  });
});

describe('a run that is over', () => {
  it('ends, with what was learnt', () => {
    const state = following({ lastLookAtMs: t0 + 8000, faultStreak: 2 });
    const usage = { inputTokens: 1, outputTokens: 2, totalTokens: 3 };
    const snapshot = over('completed', { endedAtMs: t0 + 9000, usage });
    const decision = decideAt(10_000, state, replied('retrieve', snapshot), { foundBy: 'webhook' });
    expect(outcomeOf(decision)).toEqual({
      status: 'completed',
      error: null,
      output: { text: 'Hello yourself.', items: [{ type: 'message' }] },
      usage,
      completedAtMs: t0 + 9500,
      detectedAtMs: t0 + 10_000,
      detectionDelayMs: 500,
      foundBy: 'webhook',
    });
    expect(decision.state).toEqual(
      ended({ wakeAtMs: t0 + 10_000, calls: state.calls, lookLog: [[10_000, 'webhook']] }),
    );
  });

  it.each(['completed', 'failed', 'incomplete', 'cancelled', 'expired'] as const)('%s', (status) => {
    const decision = decideAt(10_000, following(), replied('retrieve', over(status)));
    expect(outcomeOf(decision).status).toBe(status);
    expect(decision.state).toMatchObject({ phase: 'ended', status });
  });

  describe('and keeps its output elsewhere', () => {
    const snapshot = over('completed', { output: 'separate', endedAtMs: t0 + 9000 });
    const state = following({ lastLookAtMs: t0 + 8000, threadId: 'thread_1' });

    it('has it fetched', () => {
      const decision = decideAt(10_000, state, replied('retrieve', snapshot));
      expect(decision.next).toEqual(calls('fetchOutput'));
      expect(decision.state).toMatchObject({ phase: 'fetching', ended: { detectedAtMs: t0 + 10_000 } });

      const output = { text: 'Hi.', items: [] };
      const last = decideAt(10_900, decision.state, { type: 'outputFetched', output });
      // The delay counts to the look that knew, not to the output.
      expect(outcomeOf(last)).toMatchObject({ status: 'completed', output, detectionDelayMs: 500 });
      expect(last.state).toMatchObject({ threadId: 'thread_1', providerRunId: 'prov-1' });
    });

    it('is asked for it again after a fault', () => {
      const faultOf = faulted('fetchOutput', aFault('unavailable'));
      const decision = decideAt(10_000, fetching(), faultOf);
      expect(decision).toMatchObject({ state: { phase: 'fetching', faultStreak: 1 }, next: waits(11_000) });
      expect(decideAt(11_000, decision.state, activated()).next).toEqual(calls('fetchOutput'));
    });

    it('is asked for it past the deadline too, for a while, and then ends without', () => {
      const parked = fetching({ wakeAtMs: t0 + deadlineMs, lastFault: aFault('unavailable') });
      const late = decideAt(deadlineMs, parked, activated());
      expect(late).toMatchObject({
        state: { cancel: { reason: 'deadline' } },
        next: calls('fetchOutput'),
      });
      const given = decideAt(deadlineMs + 60_000, late.state, activated());
      expect(outcomeOf(given)).toMatchObject({
        status: 'completed',
        output: null,
        error: { code: 'output_unavailable' },
      });
      expect(outcomeOf(given).error?.message).toContain('It is unavailable.');
    });

    it.each(['not_found', 'unauthorized'] as const)(
      'has completed all the same when its output is answered %s for long',
      (type) => {
        const state404 = fetching({ troubleSinceMs: t0 });
        const decision = decideAt(120_000, state404, faulted('fetchOutput', aFault(type)));
        const status = decision.next.type === 'end' ? decision.next.outcome.status : 'completed';
        expect(status).toBe('completed');
      },
    );
  });
});

describe('a run that has ended here', () => {
  it('is settled again, and never called about', () => {
    const event = activated({ wokenBy: 'webhook', cancelRequestedAtMs: t0 });
    expect(decideAt(10_000_000, ended(), event)).toEqual({ state: ended(), next: { type: 'settle' } });
  });
});
