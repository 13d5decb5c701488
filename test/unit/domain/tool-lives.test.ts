/** Whole lives of runs with tools: whatever is lost on the way, each call is handed out once and answered once. */

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beginCall } from '../../../src/domain/decide.ts';
import { faultTypes } from '../../../src/domain/fault.ts';
import { following, running, seconds, t0 } from '../../support/fakes/builders.ts';
import { decideAt, replied, waitOf } from './given.ts';
import { liveWithTools, type ToolLife, type ToolPlan, type ToolTurn } from './tool-life.ts';

const plain: ToolPlan = {
  kind: 'assistants',
  rounds: 2,
  callsARound: 3,
  turns: [],
  deathsAtHandOut: 0,
  legMs: 2000,
  staleMs: 0,
  toolMs: 500,
  told: true,
  failing: false,
  rules: {},
  onAmbiguous: 'fail',
  cancelAtMs: null,
};

const kinds = ['responses', 'assistants'] as const;

const shape = {
  kind: fc.constantFrom(...kinds),
  rounds: fc.integer({ min: 0, max: 6 }),
  callsARound: fc.integer({ min: 1, max: 8 }),
  deathsAtHandOut: fc.integer({ min: 0, max: 3 }),
  legMs: fc.constantFrom(0, 300, 5000),
  staleMs: fc.constantFrom(0, 200, 3000),
  toolMs: fc.constantFrom(0, 1, 700, 20_000, 400_000),
  told: fc.boolean(),
  failing: fc.boolean(),
  rules: fc.record({ maxRounds: fc.constantFrom(0, 1, 3, 20), onError: fc.constantFrom('report', 'fail') }),
  onAmbiguous: fc.constant('fail'),
  cancelAtMs: fc.option(fc.nat({ max: seconds(60) }), { nil: null }),
} as const;

const anyTurn: fc.Arbitrary<ToolTurn> = fc.record({
  result: fc.constantFrom('answered', 'answered', 'answered', 'died', 'unclear', ...faultTypes),
  processed: fc.boolean(),
});
const anyPlan: fc.Arbitrary<ToolPlan> = fc.record({ ...shape, turns: fc.array(anyTurn, { maxLength: 20 }) });

/** Nothing but what must not show: replies lost that had their effect, and "not now". */
const passing: fc.Arbitrary<ToolTurn> = fc.constantFrom<ToolTurn>(
  { result: 'answered', processed: true },
  { result: 'throttled', processed: false },
  { result: 'unavailable', processed: false },
);
const calm: fc.Arbitrary<ToolPlan> = fc.record({
  ...shape,
  turns: fc.array(passing, { maxLength: 10 }),
  failing: fc.constant(false),
  rules: fc.constant({}),
  cancelAtMs: fc.constant(null),
});

const lives = { numRuns: 1500 };

describe('every life with tools', () => {
  it('ends, and hands no call out under two rounds', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const life = liveWithTools(plan);
        expect(life.state).toMatchObject({ phase: 'ended', status: life.outcome.status });
        expect([...life.handedOut.values()].filter((rounds) => rounds.size > 1)).toEqual([]);
      }),
      lives,
    );
  });

  it('gives the answers of a round effect once', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const life = liveWithTools(plan);
        expect([...life.effects.values()].filter((count) => count > 1)).toEqual([]);
      }),
      lives,
    );
  });

  it('ends as the provider says, with one submit a round, when no reply is lost', () => {
    fc.assert(
      fc.property(calm, (plan) => {
        const life = liveWithTools(plan);
        expect(life.outcome).toMatchObject({ status: 'completed', error: null });
        expect(life.effects.size).toBe(plan.rounds);
        expect(life.handedOut.size).toBe(plan.rounds * plan.callsARound);
        // Refused for the moment, a submit is sent again: never more often than that happened.
        const again = plan.turns.filter(({ result }) => result !== 'answered').length;
        const sent = [...life.submits.values()].reduce((sum, count) => sum + count, 0);
        expect(sent).toBeLessThanOrEqual(plan.rounds + again);
        expect(life.state.calls.submit).toBe(sent);
        expect(life.withdrawn.size).toBe(0);
      }),
      lives,
    );
  });

  it('knows the tokens of all its provider runs, and their ids', () => {
    const { outcome, state } = liveWithTools({ ...plain, kind: 'responses' });
    expect(outcome.usage).toEqual({ inputTokens: 3, outputTokens: 6, totalTokens: 9 });
    expect(state.tools?.formerRunIds).toEqual(['prov-1', 'prov-2']);
    expect(state).toMatchObject({ providerRunId: 'prov-3', startedAtMs: t0 + 50 });
  });
});

/** The third call is the submit, after a create and a look that finds the ask. */
function lost(
  patch: Partial<ToolPlan>,
  processed: boolean,
  result: ToolTurn['result'] = 'unclear',
): ToolLife {
  const fine: ToolTurn = { result: 'answered', processed: true };
  return liveWithTools({
    ...plain,
    rounds: 1,
    legMs: 400,
    turns: [fine, fine, { result, processed }],
    ...patch,
  });
}

describe('a life whose submit loses its reply', () => {
  it.each(['unclear', 'died'] as const)('goes on when it had arrived (%s)', (result) => {
    const life = lost({ staleMs: 3000 }, true, result);
    expect(life.outcome.status).toBe('completed');
    expect([...life.submits.values()]).toEqual([1]);
  });

  it.each(['unclear', 'died'] as const)('is sent again when it never arrived (%s)', (result) => {
    const life = lost({}, false, result);
    expect(life.outcome.status).toBe('completed');
    expect([...life.submits.values()]).toEqual([2]);
    expect([...life.effects.values()]).toEqual([1]);
  });

  it.each([0, 12])('is looked at again soon, though there were %i looks before it', (looks) => {
    const calls = [{ id: 'call_1', name: 'add', arguments: '{}' }];
    const asking = following({ looks, status: 'requires_action', toolCalls: calls, asking: { sinceMs: t0 } });
    const sent = beginCall(asking, 'submit', t0);
    const stale = replied('retrieve', running('requires_action', { toolCalls: calls }));
    expect(waitOf(decideAt(1000, sent, stale))).toBe(1750);
  });

  it('is refused the second time when the provider was slow to show the first, and goes on', () => {
    const life = lost({ staleMs: 12_000 }, true);
    expect(life.outcome.status).toBe('completed');
    expect([...life.submits.values()]).toEqual([2]);
    expect([...life.effects.values()]).toEqual([1]);
  });

  it('of a response is not sent again: it may run', () => {
    const life = lost({ kind: 'responses' }, false);
    expect(life.outcome).toMatchObject({ status: 'failed', error: { code: 'ambiguous_create' } });
    expect(life.submits.size).toBe(1);
  });

  it('of a response is sent again by leave of the caller', () => {
    const life = lost({ kind: 'responses', onAmbiguous: 'retry' }, false);
    expect(life.outcome.status).toBe('completed');
    expect([...life.submits.values()]).toEqual([2]);
  });
});

describe.each(kinds)('a life of kind %s', (kind) => {
  it('ends when it asks too often', () => {
    const life = liveWithTools({ ...plain, kind, rounds: 5, rules: { maxRounds: 2 } });
    expect(life.outcome).toMatchObject({ status: 'failed', error: { code: 'max_tool_rounds' } });
    expect(life.state.calls).toMatchObject({ submit: 2, cancel: kind === 'assistants' ? 1 : 0 });
  });

  it('ends when a tool fails and it was told to end then', () => {
    const life = liveWithTools({ ...plain, kind, failing: true, rules: { onError: 'fail' } });
    expect(life.outcome).toMatchObject({ status: 'failed', error: { code: 'tool_failed' } });
    expect(life.state.calls).toMatchObject({ submit: 0, cancel: kind === 'assistants' ? 1 : 0 });
  });

  it('goes on when a tool fails and it was not', () => {
    const life = liveWithTools({ ...plain, kind, failing: true });
    expect(life.outcome.status).toBe('completed');
    expect(life.state.tools?.notes.map(([, , , result]) => result)).toEqual(Array(6).fill('tool_failed'));
  });

  it('takes its calls back when it is cancelled', () => {
    const life = liveWithTools({ ...plain, kind, toolMs: seconds(600), cancelAtMs: seconds(60) });
    expect(life.outcome.status).toBe('cancelled');
    expect(life.withdrawn.size).toBe(3);
    expect(life.endedAtMs - t0).toBeLessThan(seconds(62));
  });

  it('is not completed when it is cancelled between its question and our look', () => {
    const life = liveWithTools({ ...plain, kind, legMs: 300, cancelAtMs: 360 });
    expect(life.outcome.status).toBe('cancelled');
    expect(life.handedOut.size).toBe(0);
  });

  it('takes its calls back at its deadline', () => {
    const life = liveWithTools({ ...plain, kind, toolMs: seconds(7200) });
    expect(life.outcome.status).toBe('timed_out');
    expect(life.withdrawn.size).toBe(3);
  });

  it('makes no call while it waits, however long, and finds answers that nobody told of', () => {
    const life = liveWithTools({ ...plain, kind, rounds: 1, toolMs: seconds(1800), told: false });
    expect(life.outcome.status).toBe('completed');
    expect(life.state.calls.retrieve).toBeLessThan(14);
    expect(life.endedAtMs - t0).toBeLessThan(seconds(1800 + 75));
  });
});
