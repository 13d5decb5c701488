/** Streamed runs that ask for tools: one call a round, by the provider's ledger. */

import { expect, it } from 'vitest';
import type { RunView } from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { Fleet, simulated } from '../support/fleet.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();

const output = 'Of all these brooks one river comes, and it is held. '.repeat(4).trim();
const rounds = 2;

function aStream(durationMs: number) {
  const offered = [{ type: 'function', name: 'simulated_tool', parameters: { type: 'object' } }];
  const fate = { duration_ms: durationMs, tool_rounds: rounds, tool_calls: 2, output };
  const request = { model: 'gpt-5', input: 'Hello', tools: offered, metadata: simulated(fate) };
  return { kind: 'responses', follow: 'stream', request, tools: { mode: 'queue' } } as const;
}

async function send(fleet: Fleet, count: number, durationMs: number): Promise<RunView[]> {
  const results = await fleet.client.runs.createMany(
    Array.from({ length: count }, () => aStream(durationMs)),
  );
  return results.map(({ run, error }) => {
    if (run === undefined) throw error;
    return run;
  });
}

async function allEnded(fleet: Fleet, runs: readonly RunView[]): Promise<RunView[]> {
  const ended = await Promise.all(runs.map(({ id }) => fleet.client.runs.wait(id, { timeoutSeconds: 120 })));
  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['completed']));
  expect(new Set(ended.map(({ output_text: text }) => text))).toEqual(new Set([output]));
  expect(fleet.ledger().duplicates).toEqual([]);
  return ended;
}

async function textOf(fleet: Fleet, id: string): Promise<string> {
  let text = '';
  for await (const event of fleet.client.runs.events(id)) if (event.type === 'output') text += event.text;
  return text;
}

it('costs one call a round', async (test) => {
  const fleet = await Fleet.start(test, { redis, workers: 2 });
  await fleet.addTools();
  const ended = await allEnded(fleet, await send(fleet, 60, 500));
  expect(new Set(ended.map(({ found_by: by }) => by))).toEqual(new Set(['stream']));
  expect(fleet.ledger().callsTotal / ended.length).toBeLessThanOrEqual((1 + rounds) * 1.05);
});

it('tells its text once or leaves it to `done`, though connections break and a worker is killed', async (test) => {
  const fleet = await Fleet.start(test, { redis, workers: 2 });
  await fleet.addTools();
  const fault = { type: 'stream_break', afterEvents: 8, midEvent: true } as const;
  fleet.simulator.setFaults({
    rules: [{ operation: ['responses.create', 'responses.retrieve'], fault, probability: 0.2 }],
  });
  const runs = await send(fleet, 40, 5000);
  const texts = runs.map(({ id }) => textOf(fleet, id));
  await eventually(
    // A create that is out when its worker dies is a create of unknown fate.
    'the last create of every run to be answered',
    () => Promise.all(runs.map(({ id }) => fleet.client.runs.get(id))),
    (views) => views.every(({ provider_run_ids: ids }) => ids.length === 1 + rounds),
    { withinMs: 60_000 },
  );
  await fleet.workers[0]?.kill();
  await allEnded(fleet, runs);
  // A round that begins while another process still reads the one before is looked at: `done` tells what it says.
  const told = await Promise.all(texts);
  expect(told.filter((text) => text !== output && text !== '')).toEqual([]);
  expect(told.filter((text) => text === output).length).toBeGreaterThan(runs.length / 2);
});
