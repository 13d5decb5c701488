import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import { NO_FAULTS } from '../../../src/simulator/faults.ts';
import { handle } from '../../../src/simulator/handlers.ts';
import type { Operation } from '../../../src/simulator/operations.ts';
import { DEFAULT_OPTIONS, mergeOptions } from '../../../src/simulator/options.ts';
import type { ResolvedOptions } from '../../../src/simulator/options.ts';
import { World } from '../../../src/simulator/world.ts';

const answer = z.looseObject({ id: z.string(), status: z.string().default('') });

/** The simulator without HTTP, on a clock that the test turns. */
function simulation(options: Partial<ResolvedOptions> = {}) {
  const clock = { nowMs: 1_700_000_000_000 };
  const world = new World(mergeOptions(DEFAULT_OPTIONS, options), NO_FAULTS, () => clock.nowMs);
  const call = (
    operation: Operation,
    given: { params?: Record<string, string>; body?: Record<string, unknown> } = {},
  ) => {
    const reply = handle(world, {
      operation,
      params: given.params ?? {},
      query: new URLSearchParams(),
      body: given.body ?? {},
      nowMs: clock.nowMs,
    });
    return answer.parse('body' in reply ? reply.body : reply.render(clock.nowMs));
  };
  const create = (metadata: Record<string, string> = {}) =>
    call('responses.create', { body: { model: 'm', input: 'i', background: true, metadata } });
  const status = (id: string) => call('responses.retrieve', { params: { response_id: id } }).status;
  return { clock, world, call, create, status };
}

/** How long run number n takes, seen from outside. */
function durations(options: Partial<ResolvedOptions>, count: number): (number | null)[] {
  const { world, clock, create } = simulation(options);
  for (let i = 0; i < count; i++) create();
  clock.nowMs += 100_000_000;
  const { runs } = world.ledger.read(world.allRuns(), clock.nowMs, true);
  return (runs ?? []).map((run) => run.endedAtMs);
}

describe('the fate of a run', () => {
  it('depends on the seed and its number alone', () => {
    expect(durations({ seed: 4 }, 5)).toEqual(durations({ seed: 4 }, 5));
    expect(durations({ seed: 4 }, 5)).not.toEqual(durations({ seed: 5 }, 5));
    expect(new Set(durations({}, 20)).size).toBeGreaterThan(10);
  });

  it('is the same however often it is looked at', () => {
    const [polled, alone] = [simulation(), simulation()];
    for (let i = 0; i < 3; i++) {
      const { id } = polled.create();
      polled.status(id);
      polled.status(id);
      alone.create();
    }
    const ends = ({ world, clock }: typeof polled) =>
      world.ledger.read(world.allRuns(), clock.nowMs + 1e8, true).runs?.map((run) => run.endedAtMs);
    expect(ends(polled)).toEqual(ends(alone));
  });

  it('comes to pass when the clock says so, without a timer', () => {
    const { clock, create, status } = simulation();
    const { id, status: first } = create({ sim_duration_ms: '5000', sim_queue_ms: '1000' });
    const seen = [first];
    for (const step of [999, 1, 3999, 1]) {
      clock.nowMs += step;
      seen.push(status(id));
    }
    expect(seen).toEqual(['queued', 'queued', 'in_progress', 'in_progress', 'completed']);
  });
});

describe('a response that is not stored', () => {
  it('is gone some time after its end', () => {
    const { clock, call, status } = simulation({ unstoredKeepSeconds: 600 });
    const { id } = call('responses.create', {
      body: { model: 'm', input: 'i', background: true, store: false, metadata: { sim_duration_ms: '1000' } },
    });
    clock.nowMs += 600_999;
    expect(status(id)).toBe('completed');
    clock.nowMs += 1;
    expect(() => status(id)).toThrowError(/not found/);
  });
});

describe('a thread’s run', () => {
  const assistant = { assistant_id: 'asst_1' };

  it('that waits for tools expires and frees its thread', () => {
    const { clock, call } = simulation();
    const thread = { thread_id: call('threads.create').id };
    const body = { ...assistant, metadata: { sim_ending: 'tools', sim_duration_ms: '10' } };
    const run = call('runs.create', { params: thread, body }).id;
    clock.nowMs += 599_999;
    expect(call('runs.retrieve', { params: { ...thread, run_id: run } })).toMatchObject({
      status: 'requires_action',
      expires_at: 1_700_000_600,
    });
    expect(() => call('runs.create', { params: thread, body })).toThrowError(
      `Thread ${thread.thread_id} already has an active run ${run}.`,
    );
    clock.nowMs += 1;
    expect(call('runs.retrieve', { params: { ...thread, run_id: run } }).status).toBe('expired');
    expect(call('runs.create', { params: thread, body }).status).toBe('queued');
  });
});

describe('forgetting', () => {
  it('drops runs that ended long ago, keeps open ones, and never loses the totals', () => {
    const { clock, world, call, create } = simulation({ forgetEndedAfterSeconds: 60 });
    const open = create({ sim_ending: 'never' }).id;
    for (let i = 0; i < 500; i++) {
      create({ sim_duration_ms: '1000' });
      call('runs.create_with_thread', {
        body: { assistant_id: 'asst_1', metadata: { sim_duration_ms: '1000' } },
      });
      clock.nowMs += 1000;
    }
    // Two looks a create go once round 62 live runs in half as many creates.
    expect(world.responses.size).toBeLessThan(150);
    expect(world.runs.size).toBeLessThan(150);
    expect(world.threads.size).toBe(world.runs.size);
    expect(world.responses.has(open)).toBe(true);
    const { responses, assistants } = world.ledger.read(world.allRuns(), clock.nowMs, false);
    expect(responses).toMatchObject({ created: 501, open: 1, endedByStatus: { completed: 500 } });
    expect(assistants).toMatchObject({ created: 500, open: 0, endedByStatus: { completed: 500 } });
  });

  it('keeps everything by default', () => {
    const { clock, world, create } = simulation();
    for (let i = 0; i < 50; i++) {
      create({ sim_duration_ms: '1' });
      clock.nowMs += 1_000_000;
    }
    expect(world.responses.size).toBe(50);
  });
});

describe('reset', () => {
  it('forgets everything but never gives an id twice', () => {
    const { world, create, status } = simulation();
    const before = create().id;
    world.reset();
    expect(() => status(before)).toThrowError(/not found/);
    expect(create().id).not.toBe(before);
    expect(world.ledger.read(world.allRuns(), world.now(), false).responses.created).toBe(1);
  });
});

describe('mergeOptions', () => {
  it('names every wrong option', () => {
    const wrong = { port: -1, durations: { type: 'fixed', ms: -5 } } as const;
    expect(() => mergeOptions(DEFAULT_OPTIONS, wrong)).toThrowError(/port[^]*durations|durations[^]*port/);
    expect(() => mergeOptions(DEFAULT_OPTIONS, { prot: 1 } as object)).toThrowError(/prot/);
  });
});
