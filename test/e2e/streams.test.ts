/** Runs whose events are read as they come: one call a run, and each character of the output once. */

import { describe, expect, it } from 'vitest';
import type { RunEvent, RunView } from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { aResponse, Fleet } from '../support/fleet.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();

const output = 'A brook is a small stream; a stream that is held is a river. '.repeat(8).trim();

function aStream(fate: Readonly<Record<string, string | number>> = {}) {
  return { ...aResponse({ output, ...fate }), follow: 'stream' as const };
}

/** Everything that a subscriber is told, over connections that it cuts off itself after so many events. */
async function subscribe(fleet: Fleet, id: string, eventsAConnection: number): Promise<RunEvent[]> {
  const seen: RunEvent[] = [];
  for (;;) {
    let left = eventsAConnection;
    for await (const event of fleet.client.runs.events(id, { lastEventId: seen.at(-1)?.id })) {
      seen.push(event);
      left -= 1;
      if (event.type === 'done') return seen;
      if (left === 0) break;
    }
  }
}

const textOf = (events: readonly RunEvent[]): string =>
  events.map((event) => (event.type === 'output' ? event.text : '')).join('');

async function allEnded(fleet: Fleet, runs: readonly RunView[]): Promise<RunView[]> {
  return await Promise.all(runs.map(({ id }) => fleet.client.runs.wait(id, { timeoutSeconds: 120 })));
}

async function send(fleet: Fleet, count: number, fate: Parameters<typeof aStream>[0]): Promise<RunView[]> {
  const results = await fleet.client.runs.createMany(Array.from({ length: count }, () => aStream(fate)));
  return results.map(({ run, error }) => {
    if (run === undefined) throw error;
    return run;
  });
}

describe('300 streamed runs on two workers', () => {
  it('cost one call each', async (test) => {
    const fleet = await Fleet.start(test, { redis, workers: 2 });
    const ended = await allEnded(fleet, await send(fleet, 300, { duration_ms: 3000 }));
    expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['completed']));
    expect(new Set(ended.map(({ output_text: text }) => text))).toEqual(new Set([output]));
    expect(new Set(ended.map(({ found_by: by }) => by))).toEqual(new Set(['stream']));
    const { callsTotal, duplicates } = fleet.ledger();
    expect(duplicates).toEqual([]);
    expect(callsTotal / ended.length).toBeLessThanOrEqual(1.05);
  });

  it('all end, once, though connections break and a worker is killed', async (test) => {
    const fleet = await Fleet.start(test, { redis, workers: 2 });
    fleet.simulator.setFaults({
      rules: [
        {
          operation: 'responses.create',
          fault: { type: 'stream_break', afterEvents: 20, midEvent: true },
          probability: 0.2,
        },
        {
          operation: 'responses.retrieve',
          fault: { type: 'stream_break', afterEvents: 10 },
          probability: 0.2,
        },
      ],
    });
    const runs = await send(fleet, 300, { duration_ms: 8000 });
    const watched = runs.slice(0, 20).map(({ id }, n) => subscribe(fleet, id, 3 + n));
    await eventually(
      // Answered, not only created: a create that is out when its worker dies is a create of unknown fate.
      'every create to be answered',
      () => Promise.all(runs.map(({ id }) => fleet.client.runs.get(id))),
      (views) => views.every(({ provider_run_id: providerRunId }) => providerRunId !== null),
      { withinMs: 60_000 },
    );
    await fleet.workers[0]?.kill();
    const ended = await allEnded(fleet, runs);
    expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['completed']));
    expect(new Set(ended.map(({ output_text: text }) => text))).toEqual(new Set([output]));
    expect(fleet.ledger().duplicates).toEqual([]);
    for (const events of await Promise.all(watched)) {
      expect(textOf(events)).toBe(output);
      expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    }
  });
});

const stall = (afterEvents: number) => ({ type: 'stream_stall', afterEvents }) as const;

/** All complete, and their subscribers have had each character and one end. */
async function told(fleet: Fleet, runs: readonly RunView[]): Promise<RunView[]> {
  const watched = runs.map(({ id }) => subscribe(fleet, id, Infinity));
  const ended = await allEnded(fleet, runs);
  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['completed']));
  for (const events of await Promise.all(watched)) {
    expect(textOf(events)).toBe(output);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(events.filter(({ type }) => type === 'done')).toHaveLength(1);
  }
  expect(fleet.ledger().duplicates).toEqual([]);
  return ended;
}

describe('streams that stall, open and silent', () => {
  /** Longer than any gap between two words, on a machine that is busy as well. */
  const env = { RUNFLEET_STREAM_IDLE_SECONDS: '5' };
  it('are given up and opened again where they fell silent, also twice', async (test) => {
    const fleet = await Fleet.start(test, { redis, workers: 2, env });
    fleet.simulator.setFaults({
      rules: [
        { operation: 'responses.create', fault: stall(12), next: 20 },
        { operation: 'responses.retrieve', fault: stall(2), next: 10 },
      ],
    });
    const ended = await told(fleet, await send(fleet, 20, { duration_ms: 3000 }));
    expect(new Set(ended.map(({ found_by: by }) => by))).toEqual(new Set(['stream']));
    const { calls } = fleet.ledger();
    expect(calls['responses.create']).toEqual({ 200: 20 });
    expect(calls['responses.retrieve']?.['200']).toBeGreaterThanOrEqual(30);
  });

  it('are looked at where they cannot be opened again', async (test) => {
    const fleet = await Fleet.start(test, { redis, env });
    fleet.simulator.setFaults({
      rules: [
        { operation: 'responses.create', fault: stall(12), next: 10 },
        { operation: 'responses.retrieve', fault: { type: 'http_error', status: 400 }, next: 10 },
      ],
    });
    const ended = await told(fleet, await send(fleet, 10, { duration_ms: 3000 }));
    expect(ended.map(({ found_by: by }) => by)).toContain('poll');
  });
});

describe('a streamed run', () => {
  it('is told in pieces while it goes on', async (test) => {
    const fleet = await Fleet.start(test, { redis });
    const { id } = await fleet.client.runs.create(aStream({ duration_ms: 1500 }));
    const events = await subscribe(fleet, id, Infinity);
    expect(events.filter(({ type }) => type === 'output').length).toBeGreaterThan(3);
    expect(textOf(events)).toBe(output);
    expect(events.at(-1)).toMatchObject({ type: 'done', run: { found_by: 'stream', calls: { total: 1 } } });
    // Afterwards as well, from any place.
    await expect(subscribe(fleet, id, 1).then(textOf)).resolves.toBe(output);
  });

  it('can be cancelled', async (test) => {
    const fleet = await Fleet.start(test, { redis });
    const { id } = await fleet.client.runs.create(aStream({ ending: 'never' }));
    await eventually(
      'the run to go on',
      () => fleet.client.runs.get(id),
      ({ status }) => status === 'in_progress',
    );
    await fleet.client.runs.cancel(id);
    await expect(fleet.client.runs.wait(id, { timeoutSeconds: 30 })).resolves.toMatchObject({
      status: 'cancelled',
      calls: { create: 1, cancel: 1, total: 2 },
    });
  });

  it('is handed over when its worker stops', async (test) => {
    const fleet = await Fleet.start(test, { redis, workers: 2 });
    const runs = await send(fleet, 20, { duration_ms: 5000 });
    await eventually(
      'every run to go on',
      () => fleet.ledger().responses.created,
      (created) => created === 20,
    );
    const [first] = fleet.workers;
    first?.signal('SIGTERM');
    await expect(first?.exited).resolves.toMatchObject({ code: 0 });
    const ended = await allEnded(fleet, runs);
    expect(new Set(ended.map(({ found_by: by }) => by))).toEqual(new Set(['stream']));
    expect(fleet.ledger().callsTotal).toBeLessThanOrEqual(40);
  });

  it('is looked at where no more streams may be open', async (test) => {
    const fleet = await Fleet.start(test, { redis, env: { RUNFLEET_STREAMS: '1' } });
    const ended = await allEnded(fleet, await send(fleet, 4, { duration_ms: 1000 }));
    expect(ended.filter(({ found_by: by }) => by === 'stream')).toHaveLength(1);
    const events = await subscribe(fleet, ended.find(({ found_by: by }) => by === 'poll')?.id ?? '', 2);
    expect(textOf(events)).toBe(output);
  });
});
