/** Processes are told to go, and replaced, while the fleet is at work: nothing is lost, and nobody is asked twice. */

import { describe, expect, it } from 'vitest';
import { RunfleetClient, type RunInput, type RunView } from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { anAssistantsRun, aResponse, Fleet, secrets } from '../support/fleet.ts';
import { RunfleetProcess } from '../support/processes.ts';
import { callbackEnv, Receiver } from '../support/receiver.ts';
import { useRedis } from '../support/redis.ts';
import { required } from '../support/required.ts';

const redis = useRedis();
const cleanly = { code: 0, signal: null };

function some(count: number, more: Partial<RunInput> = {}): RunInput[] {
  return Array.from({ length: count }, (_, n) => {
    const fate = { duration_ms: 1000 + n * 50 };
    return { ...(n % 2 === 0 ? aResponse(fate) : anAssistantsRun(fate)), ...more };
  });
}

async function accept(client: RunfleetClient, inputs: readonly RunInput[]): Promise<string[]> {
  return (await client.runs.createMany(inputs)).map(({ run }) => required(run).id);
}

const endOf = (client: RunfleetClient, ids: readonly string[]): Promise<RunView[]> =>
  Promise.all(ids.map((id) => client.runs.wait(id)));

/** Tells all of them to go at once, and sees them gone in time. */
async function stopAll(processes: readonly RunfleetProcess[]): Promise<void> {
  const toldAtMs = performance.now();
  for (const each of processes) each.signal('SIGTERM');
  for (const each of processes) expect([each.name, await each.exited]).toEqual([each.name, cleanly]);
  expect(performance.now() - toldAtMs).toBeLessThan(25_000);
  for (const { stderr } of processes) expect(stderr).not.toMatch(/"level":(50|60)/);
}

describe.concurrent('under load', () => {
  it('all workers are replaced, one after the other', async (test) => {
    const fleet = await Fleet.start(test, {
      redis,
      workers: 2,
      simulator: { latencyMs: { type: 'fixed', ms: 100 } },
    });
    const ids = await accept(fleet.client, some(20));
    const old = fleet.workers.slice();
    for (const leaving of old) {
      await fleet.addWorker();
      leaving.signal('SIGTERM');
      ids.push(...(await accept(fleet.client, some(20))));
      expect(await leaving.exited).toEqual(cleanly);
    }
    const ended = await endOf(fleet.client, ids);

    expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['completed']));
    const { runs, duplicates } = fleet.ledger();
    expect(duplicates).toEqual([]);
    expect(runs).toHaveLength(ids.length);
    // Each look that the provider answered is on record, but for one that a leaving worker had out.
    const known = new Map(ended.map(({ id, calls }) => [id, calls.retrieve]));
    const unknown = runs.map(({ runfleetId, calls }) => {
      const looks = (calls['responses.retrieve'] ?? 0) + (calls['runs.retrieve'] ?? 0);
      return looks - (known.get(runfleetId ?? '') ?? 0);
    });
    expect(Math.max(...unknown)).toBeLessThanOrEqual(1);
  });

  it('every role ends on SIGTERM, and what it had in hand is carried on by the next', async (test) => {
    const receiver = await Receiver.start(test);
    const env = {
      ...callbackEnv,
      RUNFLEET_METRICS_PORT: '0',
      TEST_TOOL_MS: '300',
    };
    const fleet = await Fleet.start(test, { redis, env, workers: 2 });
    const startCallbacks = () => RunfleetProcess.start(test, ['callbacks'], fleet.env);
    const helpers = [await fleet.addTools(), await startCallbacks()];
    const callback = { url: receiver.url };
    const tools = [{ type: 'function', name: 'simulated_tool', parameters: { type: 'object' } }];
    const asking = aResponse({ duration_ms: 50, tool_rounds: 2 });
    const ids = await accept(fleet.client, [
      ...some(10, { callback }),
      ...Array.from({ length: 10 }, () => ({
        ...asking,
        request: { ...asking.request, tools },
        tools: {},
        callback,
      })),
    ]);
    await eventually(
      'all roles to be at work',
      () => receiver.received.length,
      (count) => count > 0,
    );
    await stopAll([fleet.api, ...fleet.workers, ...helpers]);

    await fleet.addWorker();
    await fleet.addTools();
    await startCallbacks();
    const api = await RunfleetProcess.start(test, ['api'], fleet.env);
    const client = new RunfleetClient({ baseUrl: api.apiUrl, apiKey: secrets.runfleet });
    const ended = await endOf(client, ids);

    expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['completed']));
    expect(fleet.ledger().duplicates).toEqual([]);
    await eventually(
      'a callback of each run',
      () => new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size,
      (count) => count === ids.length,
    );
  });

  it('a process of all roles ends on SIGTERM', async (test) => {
    const fleet = await Fleet.start(test, { redis, workers: 0 });
    const all = await RunfleetProcess.start(test, ['all'], { ...fleet.env, RUNFLEET_METRICS_PORT: '0' });
    const client = new RunfleetClient({ baseUrl: all.apiUrl, apiKey: secrets.runfleet });
    const ids = await accept(client, some(20));
    await eventually(
      'some looks',
      () => fleet.ledger().callsTotal,
      (count) => count > 25,
    );
    await stopAll([all]);
    await fleet.addWorker();
    expect(new Set((await endOf(fleet.client, ids)).map(({ status }) => status))).toEqual(
      new Set(['completed']),
    );
    expect(fleet.ledger().duplicates).toEqual([]);
  });
});
