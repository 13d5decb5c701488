/** A provider that spoils every fourth call, in every way that we could think of: each run still ends as it should. */

import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { RunInput, RunView } from '../../src/client/index.ts';
import type { Simulator } from '../../src/simulator/index.ts';
import { aResponse, Fleet, simulated } from '../support/fleet.ts';
import { useRedis } from '../support/redis.ts';
import { required } from '../support/required.ts';
import { type Spoiler, spoiler } from '../support/spoiler.ts';

const redis = useRedis();
const tools = [{ type: 'function', function: { name: 'simulated_tool' } }];
const each = 8;

/** Its workers reach the simulator by a proxy that is known only once the simulator runs. */
async function spoiltFleet(
  test: Parameters<typeof Fleet.start>[0],
): Promise<{ fleet: Fleet; proxy: Spoiler }> {
  const fleet = await Fleet.start(test, { redis, workers: 0 });
  const proxy = await spoilerOf(test, fleet.simulator);
  for (let n = 0; n < 2; n += 1) await fleet.addWorker({ OPENAI_BASE_URL: proxy.baseUrl });
  await fleet.addTools();
  return { fleet, proxy };
}

async function spoilerOf(test: Parameters<typeof Fleet.start>[0], simulator: Simulator): Promise<Spoiler> {
  const proxy = await spoiler(simulator.baseUrl, 4);
  test.onTestFinished(() => proxy[Symbol.asyncDispose]());
  return proxy;
}

it('carries every run to its right end, creates none twice, makes no hot loop and stays small', async (test) => {
  const { fleet, proxy } = await spoiltFleet(test);
  const onThread = async (fate: Readonly<Record<string, string | number>>, more = {}): Promise<RunInput> => ({
    kind: 'assistants',
    request: {
      assistant_id: 'asst_1',
      thread_id: await fleet.newThread(),
      metadata: simulated(fate),
      ...more,
    },
  });
  const wanted: { input: RunInput; status: RunView['status'] }[] = [];
  for (let n = 0; n < each; n += 1) {
    const duration_ms = 300 + n * 150;
    wanted.push(
      { input: aResponse({ duration_ms }), status: 'completed' },
      { input: aResponse({ duration_ms, ending: 'failed' }), status: 'failed' },
      { input: aResponse({ duration_ms, ending: 'incomplete' }), status: 'incomplete' },
      { input: await onThread({ duration_ms }), status: 'completed' },
      { input: await onThread({ duration_ms, ending: 'expired' }), status: 'expired' },
      {
        input: { ...(await onThread({ duration_ms: 50, tool_rounds: 1 }, { tools })), tools: {} },
        status: 'completed',
      },
      { input: aResponse({ duration_ms: 3_600_000 }), status: 'cancelled' },
    );
  }
  const ids = await Promise.all(wanted.map(async ({ input }) => (await fleet.client.runs.create(input)).id));
  for (const [at, { status }] of wanted.entries())
    if (status === 'cancelled') await fleet.client.runs.cancel(required(ids[at]));

  const ended = await Promise.all(ids.map((id) => fleet.client.runs.wait(id)));

  expect(ended.map(({ status, error }) => [status, error?.code])).toEqual(
    wanted.map(({ status }, at) => [status, ended[at]?.error?.code]),
  );
  expect(ended.filter(({ error }) => error?.code === 'internal_error')).toEqual([]);
  const { runs, duplicates, callsTotal } = fleet.ledger();
  expect(duplicates).toEqual([]);
  // One at the provider for each that was not cancelled before its create.
  const created = ended.filter(({ provider_run_id }) => provider_run_id !== null);
  expect(new Set(runs.map(({ id }) => id))).toEqual(new Set(created.map((run) => run.provider_run_id)));
  expect(callsTotal).toBeLessThan(ids.length * 40);
  for (const run of ended) expect(run.calls.total).toBeLessThan(60);
  expect([...proxy.spoilt.keys()].length).toBeGreaterThan(10);
  for (const { stderr, pid } of fleet.workers) {
    expect(stderr).not.toMatch(/"level":(50|60)/);
    expect(mostMemoryMb(pid)).toBeLessThan(400);
  }
});

/** What the process has taken at most; 0 where the system does not tell. */
function mostMemoryMb(pid: number): number {
  const path = `/proc/${pid}/status`;
  const [, kb = '0'] = existsSync(path) ? (/VmHWM:\s+(\d+) kB/.exec(readFileSync(path, 'utf8')) ?? []) : [];
  return Number(kb) / 1024;
}
