/** Whole lives of runs: whatever the provider does, each ends once, in time, and is paid for once. */

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultTypes } from '../../../src/domain/fault.ts';
import { defaultPolicy } from '../../../src/domain/policy.ts';
import { totalCalls } from '../../../src/domain/run.ts';
import { providerEndings } from '../../../src/domain/status.ts';
import { seconds, t0 } from '../../support/fakes/builders.ts';
import { live, type Plan, type Turn } from './life.ts';
import { plainPlan, smooth } from './plain-life.ts';

const { cancelGraceMs, quarantineMs, faultBackoff } = defaultPolicy;
/** The longest that a run may need after its deadline or cancel, and a wait and a slow call that were under way. */
const mostAfterEndMs = cancelGraceMs + quarantineMs + 2 * faultBackoff.maxMs + seconds(60);

const orNull = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(of, { nil: null });
const pause = fc.constantFrom(0, 1, 500, seconds(5), seconds(90), seconds(86_400));

const anyTurn: fc.Arbitrary<Turn> = fc.record({
  result: fc.constantFrom('answered', 'answered', 'answered', 'died', ...faultTypes),
  processed: fc.boolean(),
  retryAfterMs: orNull(pause),
  tookMs: fc.constantFrom(0, 50, 400, seconds(10)),
  deniedMs: fc.constantFrom(null, null, null, 1, seconds(2), seconds(3600)),
});

const brisk = (turn: Turn): Turn => ({ ...turn, tookMs: Math.min(turn.tookMs, 400) });

/** A provider can be like this for ever, a worker cannot die for ever, and no gate is shut for ever. */
const lasting: fc.Arbitrary<Turn> = anyTurn
  .filter(({ result, deniedMs }) => result !== 'died' && deniedMs === null)
  .map(brisk);

const connection = fc.record({
  heldMs: fc.constantFrom(0, 1, seconds(3), seconds(40), seconds(1000)),
  died: fc.boolean(),
});

const anyPlan = (rest: fc.Arbitrary<Turn>): fc.Arbitrary<Plan> =>
  fc.record({
    turns: fc.array(anyTurn, { maxLength: 12 }),
    rest,
    durationMs: fc.oneof(fc.nat({ max: seconds(30) }), fc.nat({ max: seconds(1200) })),
    ending: fc.constantFrom(...providerEndings),
    separateOutput: fc.boolean(),
    whileRunning: fc.constantFrom('in_progress', 'requires_action', 'pondering'),
    expiresAfterMs: orNull(fc.constantFrom(seconds(1), seconds(60), seconds(600))),
    pollAfterMs: orNull(pause),
    cancelObeyed: fc.boolean(),
    canFind: fc.boolean(),
    visibleAfterMs: fc.nat({ max: quarantineMs - seconds(10) }),
    onAmbiguous: fc.constantFrom('fail', 'retry'),
    deadlineMs: fc.constantFrom(seconds(1), seconds(30), seconds(600)),
    cancelAtMs: orNull(fc.nat({ max: seconds(700) })),
    wakesAtMs: fc.array(fc.nat({ max: seconds(700) }), { maxLength: 5 }),
    stream: orNull(fc.array(connection, { minLength: 1, maxLength: 15 })),
  });

const passing: ReadonlySet<string> = new Set(['answered', 'throttled', 'unavailable', 'conflict']);
const unhurried = (turn: Turn): Turn => ({ ...turn, retryAfterMs: null, deniedMs: null });

/** The same, but nothing that does not pass: no definite "no", no cancel, and no wait that reaches the deadline. */
const harmless = (plan: Plan): Plan => ({
  ...plan,
  turns: plan.turns
    .slice(0, 5)
    .filter(({ result }) => passing.has(result))
    .map(unhurried),
  whileRunning: 'in_progress',
  pollAfterMs: null,
  expiresAfterMs: null,
  cancelAtMs: null,
  deadlineMs: seconds(600),
  durationMs: Math.min(plan.durationMs, seconds(300)),
});

const lives = { numRuns: 2000 };

describe('every life', () => {
  it('ends once, soon after its deadline or cancel, however long the provider is down, mute, gone or stuck', () => {
    fc.assert(
      fc.property(anyPlan(lasting), (plan) => {
        const life = live(plan);
        expect(life.state).toMatchObject({ phase: 'ended', status: life.outcome.status });
        const lastCallMs = Math.min(plan.deadlineMs, plan.cancelAtMs ?? Infinity);
        expect(life.endedAtMs - t0).toBeLessThanOrEqual(lastCallMs + mostAfterEndMs);
      }),
      lives,
    );
  });

  it('starts one run at the provider, unless the caller allows a second one', () => {
    fc.assert(
      fc.property(anyPlan(lasting), (plan) => {
        fc.pre(plan.canFind || plan.onAmbiguous === 'fail');
        expect(live(plan).started).toBeLessThanOrEqual(1);
      }),
      lives,
    );
  });

  it('makes no hot loop of calls', () => {
    fc.assert(
      fc.property(anyPlan(lasting), (plan) => {
        const life = live(plan);
        const perSecond = 4;
        const most = 40 + ((life.endedAtMs - t0) / 1000) * perSecond;
        expect(life.callsMade).toBeLessThanOrEqual(most);
      }),
      lives,
    );
  });

  it('counts no more calls than were made', () => {
    fc.assert(
      fc.property(anyPlan(lasting), (plan) => {
        const life = live(plan);
        expect(totalCalls(life.state.calls)).toBeLessThanOrEqual(life.callsMade);
        expect(life.state.calls.create).toBeGreaterThanOrEqual(life.started);
      }),
      lives,
    );
  });

  it('ends as its provider says, once that answers again, in time and uncancelled', () => {
    const harmlessPlan = anyPlan(fc.constant(smooth)).map(harmless);
    fc.assert(
      fc.property(harmlessPlan, (plan) => {
        const life = live(plan);
        expect(life.outcome.status).toBe(plan.ending);
        expect(life.started).toBe(1);
      }),
      lives,
    );
  });
});

describe('a life without trouble', () => {
  it('costs a create and the looks of its schedule', () => {
    const life = live(plainPlan);
    expect(life.outcome).toMatchObject({ status: 'completed', error: null });
    // 500, 750, 1125, 1688, 2531, 3797, then 5000 each, and 200 ms a call.
    expect(life.state.calls).toMatchObject({ create: 1, retrieve: 10, cancel: 0, list: 0 });
  });

  it('costs a create and one look when a webhook tells its end', () => {
    const life = live({ ...plainPlan, wakesAtMs: [seconds(31)], pollAfterMs: seconds(60) });
    expect(life.state.calls).toMatchObject({ create: 1, retrieve: 1 });
  });

  it('costs one call more when its output is kept elsewhere', () => {
    const life = live({ ...plainPlan, durationMs: 0, separateOutput: true });
    expect(life.state.calls).toMatchObject({ create: 1, retrieve: 0, list: 1 });
  });
});

describe('a streamed life', () => {
  const throughout = { heldMs: seconds(600), died: false };

  it('costs one call, and is found by its stream', () => {
    const life = live({ ...plainPlan, stream: [throughout] });
    expect(life.outcome).toMatchObject({ status: 'completed', foundBy: 'stream', detectionDelayMs: 0 });
    expect(life).toMatchObject({ callsMade: 1, started: 1 });
  });

  it('costs a webhook nothing when the stream tells the end as well', () => {
    const life = live({ ...plainPlan, stream: [throughout], wakesAtMs: [seconds(29), seconds(29.5)] });
    expect(life.callsMade).toBe(1);
  });

  it('is looked at when a webhook tells of an end that the stream does not', () => {
    const stuck = { heldMs: seconds(600), died: false };
    const life = live({
      ...plainPlan,
      stream: [
        { ...stuck, heldMs: seconds(29) },
        { heldMs: seconds(10), died: true },
      ],
      durationMs: seconds(50),
      wakesAtMs: [seconds(50)],
    });
    expect(life.outcome.status).toBe('completed');
    expect(life.endedAtMs - t0).toBeLessThan(seconds(54));
  });

  it('costs one call more for each connection that breaks', () => {
    const life = live({ ...plainPlan, stream: [{ heldMs: seconds(9), died: false }, throughout] });
    expect(life.outcome.foundBy).toBe('stream');
    expect(life.callsMade).toBe(2);
  });

  it('goes on soon after the process that held its stream has died', () => {
    const life = live({ ...plainPlan, stream: [{ heldMs: seconds(9), died: true }, throughout] });
    expect(life.outcome.foundBy).toBe('stream');
    expect(life.callsMade).toBe(2);
  });

  it('is looked at in the end when its connections never last', () => {
    const life = live({ ...plainPlan, durationMs: seconds(500), stream: [{ heldMs: 0, died: false }] });
    expect(life.outcome).toMatchObject({ status: 'completed', foundBy: 'poll' });
  });

  it('is looked at where the provider will not tell its events again', () => {
    const refused: Turn = { ...smooth, result: 'refused' };
    const life = live({
      ...plainPlan,
      turns: [smooth, refused],
      stream: [{ heldMs: 0, died: false }],
    });
    expect(life.outcome).toMatchObject({ status: 'completed', foundBy: 'poll' });
  });
});

describe('a life with one lost reply', () => {
  const lost: Turn = { ...smooth, result: 'unclear' };

  it('is found again and followed to its end', () => {
    const life = live({ ...plainPlan, turns: [lost], canFind: true });
    expect(life.outcome.status).toBe('completed');
    expect(life).toMatchObject({ started: 1 });
  });

  it('is found again, though the list is slow to show it', () => {
    const life = live({ ...plainPlan, turns: [lost], canFind: true, visibleAfterMs: seconds(33) });
    expect(life.outcome.status).toBe('completed');
    expect(life.started).toBe(1);
    expect(life.state.calls.list).toBeLessThanOrEqual(7);
  });

  it('is created again after the quarantine when it never began', () => {
    const life = live({ ...plainPlan, turns: [{ ...lost, processed: false }], canFind: true });
    expect(life.outcome.status).toBe('completed');
    expect(life.state.calls.create).toBe(2);
    expect(life.started).toBe(1);
  });

  it('ends ambiguous where nobody can find it', () => {
    const life = live({ ...plainPlan, turns: [lost] });
    expect(life.outcome.error?.code).toBe('ambiguous_create');
    expect(life).toMatchObject({ started: 1, callsMade: 1 });
  });

  it('is started twice only by the leave of its caller', () => {
    const life = live({ ...plainPlan, turns: [lost], onAmbiguous: 'retry' });
    expect(life.outcome.status).toBe('completed');
    expect(life.started).toBe(2);
  });

  it('is not lost with the worker that sent its create', () => {
    const died: Turn = { ...smooth, result: 'died' };
    const life = live({ ...plainPlan, turns: [died], canFind: true });
    expect(life.outcome.status).toBe('completed');
    expect(life.started).toBe(1);
  });
});
