/** What a webhook changes in a life: looks that come soon, and runs that are found again. */

import { describe, expect, it } from 'vitest';
import { beginCall } from '../../../src/domain/decide.ts';
import { defaultPolicy } from '../../../src/domain/policy.ts';
import type { RunState } from '../../../src/domain/run.ts';
import { aFault, aSpec, creating, following, over, running, t0 } from '../../support/fakes/builders.ts';
import { activated, calls, decideAt, faulted, outcomeOf, waitOf, waits } from './given.ts';

const { quarantineMs, wordGraceMs } = defaultPolicy;

describe('a run that a webhook told of', () => {
  const told = activated({ wokenBy: 'webhook' });
  const parked = following({ wakeAtMs: t0 + 300_000, startedAtMs: t0 - 600_000, looks: 9 });

  it('is looked at at once, and the word is kept while its look waits for the quota', () => {
    const decision = decideAt(1000, parked, told);
    expect(decision.next).toEqual(calls('retrieve'));
    expect(decision.state).toMatchObject({ word: { by: 'webhook', atMs: t0 + 1000, looks: 0 } });
  });

  it('is looked at again soon, ever less so, while the answer does not show it; then by its schedule', () => {
    let state = decideAt(0, parked, told).state;
    const gapsMs: number[] = [];
    let atMs = 0;
    while ('word' in state && state.word !== undefined && gapsMs.length < 20) {
      const decision = decideAt(atMs, state, { type: 'replied', call: 'retrieve', snapshot: running() });
      gapsMs.push(waitOf(decision) - atMs);
      atMs = waitOf(decision);
      ({ state } = decision);
    }
    expect(gapsMs.slice(0, 5)).toEqual([500, 1000, 2000, 4000, 8000]);
    expect(atMs).toBeGreaterThan(wordGraceMs);
    expect(gapsMs.length).toBeLessThan(10);
  });

  it('ends as soon as an answer shows it', () => {
    const { state } = decideAt(0, parked, told);
    const decision = decideAt(
      10,
      state,
      { type: 'replied', call: 'retrieve', snapshot: over() },
      { foundBy: 'webhook' },
    );
    expect(outcomeOf(decision)).toMatchObject({ status: 'completed', foundBy: 'webhook' });
    expect(decision.state).not.toHaveProperty('word');
  });

  it('waits for its tools when that was the news', () => {
    const { state } = decideAt(0, parked, told);
    const snapshot = running('requires_action', {
      expiresAtMs: t0 + 500_000,
      toolCalls: [{ id: 'call-1', name: 'add', arguments: '{}' }],
    });
    const decision = decideAt(10, state, { type: 'replied', call: 'retrieve', snapshot });
    expect(decision.next).toMatchObject({ type: 'handOut' });
  });

  it('is not lost for a look that fails, nor for one that is answered 404 for half a minute', () => {
    const { state } = decideAt(0, parked, told);
    const decision = decideAt(10, state, faulted('retrieve', aFault('not_found')));
    expect(waitOf(decision)).toBeLessThan(2000);
    expect(decision.state).toHaveProperty('word');
  });
});

describe('a run whose create was never answered', () => {
  const lost = creating({ intentAtMs: t0, wakeAtMs: t0 + quarantineMs });
  const offered = activated({ wokenBy: 'webhook', candidate: 'resp_1' });

  it('looks at an id that may be its own, and counts the call', () => {
    const decision = decideAt(2000, lost, offered);
    expect(decision.next).toEqual(calls('adopt'));
    expect(decision.state).toMatchObject({ candidate: 'resp_1' });
    expect(beginCall(decision.state, 'adopt', t0 + 2000).calls).toMatchObject({ retrieve: 1 });
  });

  it('takes a candidate before its time, also when nobody woke it', () => {
    expect(decideAt(2000, lost, activated({ candidate: 'resp_1' })).next).toEqual(calls('adopt'));
  });

  it('adopts the run that carries its id, and goes on from its creation', () => {
    const { state } = decideAt(2000, lost, offered);
    const snapshot = running('in_progress', {
      providerRunId: 'resp_1',
      runId: aSpec().id,
      createdAtMs: t0 + 1000,
    });
    const decision = decideAt(2100, state, { type: 'replied', call: 'adopt', snapshot });
    expect(decision.state).toMatchObject({
      phase: 'following',
      providerRunId: 'resp_1',
      startedAtMs: t0 + 1000,
    });
    expect(decision.state).not.toHaveProperty('candidate');
  });

  it('ends with it when it is over already', () => {
    const { state } = decideAt(2000, lost, offered);
    const snapshot = over('completed', { runId: aSpec().id });
    const decision = decideAt(2100, state, { type: 'replied', call: 'adopt', snapshot });
    expect(outcomeOf(decision).status).toBe('completed');
  });

  it.each([null, 'run-other', undefined])('leaves one alone that carries %j', (runId) => {
    const { state } = decideAt(2000, lost, offered);
    const snapshot = over('completed', runId === undefined ? {} : { runId });
    const decision = decideAt(2100, state, { type: 'replied', call: 'adopt', snapshot });
    expect(decision.state).toMatchObject({ phase: 'creating', inspections: 1, inspectAfterMs: t0 + 2350 });
    expect(decision.state).not.toHaveProperty('candidate');
    // It may be the turn of another one by then.
    expect(decision.next).toEqual(waits(2350));
  });

  it('spends no more than some twenty calls on the ids of others', () => {
    let state: RunState = lost;
    let atMs = 0;
    let looks = 0;
    const snapshot = over('completed', { runId: null });
    while (atMs < quarantineMs) {
      const offer = decideAt(atMs, state, offered);
      looks += 1;
      const decision = decideAt(atMs, offer.state, { type: 'replied', call: 'adopt', snapshot });
      if (decision.next.type !== 'wait') break;
      ({ state } = decision);
      atMs = waitOf(decision);
    }
    expect(looks).toBeLessThan(25);
  });

  it('looks again at a candidate that the provider does not show yet, ever less often, for a minute', () => {
    let decision = decideAt(0, lost, offered);
    const looksAtMs: number[] = [];
    for (let atMs = 0; atMs < quarantineMs;) {
      if (decision.next.type === 'call') looksAtMs.push(atMs);
      const event = decision.next.type === 'call' ? faulted('adopt', aFault('not_found')) : activated();
      const waited = decideAt(atMs, decision.state, event);
      atMs = waitOf(waited);
      decision = decideAt(atMs, waited.state, activated());
    }
    expect(looksAtMs).toEqual([0, 1000, 3000, 7000, 15_000, 31_000]);
  });

  it('looks at others meanwhile, and first', () => {
    const { state } = decideAt(0, decideAt(0, lost, offered).state, faulted('adopt', aFault('not_found')));
    expect(state).toMatchObject({ missed: [{ id: 'resp_1', sinceMs: t0, againAtMs: t0 + 1000 }] });
    const other = activated({ wokenBy: 'webhook', candidate: 'resp_2' });
    expect(decideAt(2000, state, other).state).toMatchObject({ candidate: 'resp_2' });
    expect(decideAt(2000, state, activated()).state).toMatchObject({ candidate: 'resp_1' });
  });

  it('forgets one that the provider refuses to show, and ends when its quarantine is over', () => {
    const pending = { ...lost, candidate: 'resp_1' };
    const decision = decideAt(quarantineMs, pending, faulted('adopt', aFault('refused')));
    expect(outcomeOf(decision).error?.code).toBe('ambiguous_create');
  });

  describe('while webhooks come', () => {
    const told = { willBeTold: true, spec: aSpec({ deadlineAtMs: t0 + 3_600_000 }) };
    const { toldQuarantineMs } = defaultPolicy;

    it('waits for the one that tells of its end, and asks each minute whether they still come', () => {
      const again = decideAt(quarantineMs, lost, activated(), told);
      expect(again.next).toEqual(waits(2 * quarantineMs));
      const late = decideAt(10 * quarantineMs, { ...lost, wakeAtMs: t0 }, offered, told);
      expect(late.next).toEqual(calls('adopt'));
      const snapshot = over('completed', { runId: aSpec().id });
      const adopted = decideAt(
        10 * quarantineMs,
        late.state,
        { type: 'replied', call: 'adopt', snapshot },
        told,
      );
      expect(outcomeOf(adopted).status).toBe('completed');
    });

    it('ends as without when they have stopped, or nothing has come for long', () => {
      const waiting = { ...lost, wakeAtMs: t0 };
      const code = 'ambiguous_create';
      expect(outcomeOf(decideAt(5 * quarantineMs, waiting, activated())).error?.code).toBe(code);
      expect(outcomeOf(decideAt(toldQuarantineMs, waiting, activated(), told)).error?.code).toBe(code);
      expect(decideAt(toldQuarantineMs - 1, waiting, activated(), told).next).toEqual(
        waits(toldQuarantineMs),
      );
    });

    it('does not make those wait who asked for a second try, or for a cancel', () => {
      const spec = { ...told.spec, onAmbiguous: 'retry' as const };
      expect(decideAt(quarantineMs, lost, activated(), { ...told, spec }).next).toEqual(calls('create'));
      const cancelled = { ...lost, cancel: { reason: 'caller' as const, atMs: t0 } };
      expect(outcomeOf(decideAt(quarantineMs, cancelled, activated(), told)).status).toBe('cancelled');
    });
  });

  it('does not give up on a candidate because the provider is busy', () => {
    const pending = { ...lost, candidate: 'resp_1', faultStreak: 9, lastFault: aFault('throttled') };
    expect(decideAt(quarantineMs, pending, activated()).next).toEqual(calls('adopt'));
  });
});
