/** `decide` has a sane answer to everything, in every state, also to what cannot happen. */

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beginCall, decide, operationOf } from '../../../src/domain/decide.ts';
import { isAsking } from '../../../src/domain/decide-tools.ts';
import { type DecideContext, type Decision, end, type RunCall, wait } from '../../../src/domain/decision.ts';
import { type CallOperation, callOperations, totalCalls } from '../../../src/domain/run.ts';
import { aSpec, anOutcome, t0 } from '../../support/fakes/builders.ts';
import { activation, circumstances, deadlineMs, endedState, event, openState, time } from './arbitraries.ts';
import { aContext, activated } from './given.ts';

const spec = fc
  .constantFrom('fail' as const, 'retry' as const)
  .map((onAmbiguous) => aSpec({ onAmbiguous, deadlineAtMs: t0 + deadlineMs }));

const context = fc.tuple(circumstances, spec).map(([patch, one]) => aContext({ ...patch, spec: one }));

/** The states in which each call makes sense: elsewhere there is no id to call about, or a run too many. */
const phasesOf: Readonly<Record<RunCall, readonly string[]>> = {
  create: ['accepted', 'creating'],
  find: ['creating'],
  adopt: ['creating'],
  retrieve: ['following'],
  submit: ['following', 'creating'],
  resume: ['following'],
  cancel: ['following'],
  fetchOutput: ['fetching'],
};

const many = { numRuns: 3000 };

const complain = (what: string, wrong: boolean): readonly string[] => (wrong ? [what] : []);

/** What is wrong with a decision, in words. */
function faultsOf({ state, next }: Decision, given: DecideContext): readonly string[] {
  switch (next.type) {
    case 'wait': {
      const latestMs = state.cancel === null ? t0 + deadlineMs : Infinity;
      return [
        ...complain('It waits for what is past.', !(next.untilMs > given.nowMs)),
        ...complain('It waits beyond the deadline.', next.untilMs > Math.max(latestMs, given.nowMs + 1)),
        ...complain('Its state names another time.', state.wakeAtMs !== next.untilMs),
        ...complain('It waits for a run that has ended.', state.phase === 'ended'),
      ];
    }
    case 'call':
      return complain(
        `No ${next.call} in the phase ${state.phase}.`,
        !phasesOf[next.call].includes(state.phase),
      );
    case 'end':
      return complain(
        'State and outcome disagree.',
        state.phase !== 'ended' || state.status !== next.outcome.status,
      );
    case 'handOut':
    case 'collect':
      return complain(`Nobody asks in the phase ${state.phase}.`, !isAsking(state));
    case 'settle':
      return ['Only a run that has ended is settled.'];
    default: {
      const never: never = next;
      return never;
    }
  }
}

describe('every decision about a run that is open', () => {
  it('is a wait in the future, a call that fits the state, or one end', () => {
    fc.assert(
      fc.property(openState, event, context, (state, what, given) => {
        expect(faultsOf(decide(state, what, given), given)).toEqual([]);
      }),
      many,
    );
  });

  it('counts no call, forgets none, and forgets no cancel', () => {
    fc.assert(
      fc.property(openState, event, context, (state, what, given) => {
        const after = decide(state, what, given).state;
        expect(after.calls).toEqual(state.calls);
        expect(after.cancel).toEqual(state.cancel ?? after.cancel);
      }),
      many,
    );
  });

  it('is the same decision for the same facts, and leaves them as they are', () => {
    fc.assert(
      fc.property(openState, event, context, (state, what, given) => {
        const before = structuredClone({ state, what });
        expect(decide(state, what, given)).toEqual(decide(state, what, given));
        expect({ state, what }).toEqual(before);
      }),
    );
  });

  it('survives being written down: a state is JSON', () => {
    fc.assert(
      fc.property(openState, event, context, (state, what, given) => {
        const { state: after } = decide(state, what, given);
        expect(JSON.parse(JSON.stringify(after))).toEqual(after);
      }),
    );
  });

  it('is never its end when all that happened is that its time came', () => {
    const undisturbed = openState
      .filter(({ phase }) => phase !== 'creating')
      .filter(({ cancel }) => cancel === null);
    const inTime = context.map((given) => ({ ...given, nowMs: Math.min(given.nowMs, t0 + deadlineMs - 1) }));
    fc.assert(
      fc.property(undisturbed, inTime, (state, given) => {
        expect(decide(state, activated(), given).next.type).not.toBe('end');
      }),
    );
  });
});

describe('a run that has ended', () => {
  it('is settled when it is activated', () => {
    fc.assert(
      fc.property(endedState, activation, context, (state, what, given) => {
        expect(decide(state, what, given)).toEqual({ state, next: { type: 'settle' } });
      }),
    );
  });

  it('never makes a call, ends again or comes back to life, whatever is said of it', () => {
    fc.assert(
      fc.property(endedState, event, context, (state, what, given) => {
        const decision = decide(state, what, given);
        expect(decision.state).toMatchObject({ phase: 'ended', status: state.status });
        expect(['wait', 'settle']).toContain(decision.next.type);
      }),
    );
  });
});

describe('beginCall', () => {
  const call = fc.constantFrom<RunCall>('create', 'find', 'retrieve', 'cancel', 'fetchOutput');

  it('counts one call, of its operation', () => {
    fc.assert(
      fc.property(openState, call, time, (state, what, nowMs) => {
        const after = beginCall(state, what, nowMs);
        const grown: readonly CallOperation[] = callOperations.filter(
          (operation) => after.calls[operation] > state.calls[operation],
        );
        expect(grown).toEqual([operationOf(what)]);
        expect(totalCalls(after.calls)).toBe(totalCalls(state.calls) + 1);
      }),
    );
  });

  it('puts the intent of a create on record, and changes no other phase', () => {
    fc.assert(
      fc.property(openState, call, time, (state, what, nowMs) => {
        const after = beginCall(state, what, nowMs);
        const intends = what === 'create' && (state.phase === 'accepted' || state.phase === 'creating');
        expect(after.phase).toBe(intends ? 'creating' : state.phase);
        expect(intends ? after : { ...after, intentAtMs: nowMs }).toMatchObject({ intentAtMs: nowMs });
      }),
    );
  });
});

describe('wait and end', () => {
  it('wait in the future, and to the deadline at most while no cancel is pending', () => {
    fc.assert(
      fc.property(openState, time, context, (state, untilMs, given) => {
        const { next } = wait(state, untilMs, given);
        expect(next).toMatchObject({ type: 'wait' });
        expect(next.type === 'wait' && next.untilMs > given.nowMs).toBe(true);
      }),
    );
  });

  it('end with what is known of the provider’s run', () => {
    fc.assert(
      fc.property(openState, context, (state, given) => {
        const decision = end(state, anOutcome(), given);
        const id = 'providerRunId' in state ? state.providerRunId : null;
        expect(decision.state).toMatchObject({ phase: 'ended', status: 'completed', providerRunId: id });
      }),
    );
  });
});
