/** A whole fleet on a Redis Cluster of three masters: the slot of its keys moves to another, or its master dies. */

import { expect, it, type TestContext } from 'vitest';
import { connectRedis } from '../../src/adapters/redis-sdk/client.ts';
import type { RunInput } from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { anAssistantsRun, aResponse, Fleet, secrets, simulated } from '../support/fleet.ts';
import { expectRefused, knock, sendUntilTaken } from '../support/knock.ts';
import { RunfleetProcess } from '../support/processes.ts';
import { callbackEnv, Receiver } from '../support/receiver.ts';
import { RedisCluster } from '../support/redis-cluster.ts';
import { required } from '../support/required.ts';
import { effectsKey } from '../support/tool-effects.ts';

const prefix = '{runfleet}';
const runs = 24;

function withTools(durationMs: number) {
  const tools = [{ type: 'function', name: 'simulated_tool', parameters: { type: 'object' } }];
  const metadata = simulated({ duration_ms: durationMs, tool_rounds: 1, tool_calls: 2 });
  const request = { model: 'gpt-5', input: 'Hello', tools, metadata };
  return { kind: 'responses', request, tools: { mode: 'queue' } } as const;
}

interface Scene {
  readonly cluster: RedisCluster;
  readonly receiver: Receiver;
  readonly fleet: Fleet;
  readonly inputs: readonly RunInput[];
}

async function begun(test: TestContext): Promise<Scene> {
  const cluster = await RedisCluster.start();
  test.onTestFinished(() => cluster[Symbol.asyncDispose]());
  const receiver = await Receiver.start(test);
  const fleet = await Fleet.start(test, {
    redis: { url: cluster.url, prefix: () => prefix },
    workers: 2,
    env: {
      RUNFLEET_RPM: '6000',
      RUNFLEET_POLL_POLICY: 'learned',
      ...callbackEnv,
    },
  });
  await Promise.all([fleet.addTools(), RunfleetProcess.start(test, ['callbacks'], fleet.env)]);
  const prompt = 'Long enough to stand beside its job. '.repeat(200);
  const inputs = Array.from({ length: runs }, (_, n) => {
    const input =
      n % 4 === 0
        ? withTools(1000 + n * 100)
        : (n % 2 === 0 ? aResponse : anAssistantsRun)({ duration_ms: 1000 + n * 100 }, prompt);
    // Three wait for each other; all tell of their end.
    return { ...input, callback: { url: receiver.url }, ...(n % 8 === 1 ? { lane: 'one' } : {}) };
  });
  return { cluster, receiver, fleet, inputs };
}

/** All are sent, one of them under a key, and more than so many are created. */
async function underWay({ fleet, inputs }: Scene, most: number) {
  const before = await fleet.client.runs.createMany(inputs);
  const key = { idempotencyKey: 'the-same' };
  const once = await fleet.client.runs.create(aResponse({ duration_ms: 500 }), key);
  await eventually(
    'runs to be under way',
    () => fleet.ledger().runs.length,
    (created) => created > most,
  );
  return { before, key, once };
}

/** All of them, with their tools and callbacks; `inputs` are among them. */
async function expectAllOnce(
  test: TestContext,
  { cluster, receiver, fleet }: Scene,
  ids: readonly string[],
): Promise<void> {
  const ended = await Promise.all(ids.map((id) => fleet.client.runs.wait(id)));
  expect(ended.filter(({ status }) => status !== 'completed')).toEqual([]);
  const ledger = fleet.ledger();
  expect(ledger.duplicates).toEqual([]);
  const creates = ended.reduce((sum, { calls }) => sum + calls.create + calls.submit, 0);
  expect(ledger.runs).toHaveLength(creates);
  const told = (): string[] => receiver.received.map(({ headers }) => headers['webhook-id'] ?? '');
  await eventually('each end to be told', told, (seen) => new Set(seen).size === runs);

  const client = connectRedis(cluster.url, 'patient');
  test.onTestFinished(() => client.disconnect());
  const effects = await client.lrange(effectsKey(prefix), 0, -1);
  const calls = effects.filter((text) => text.includes('"done"')).length;
  expect(calls).toBe((runs / 4) * 2);
  for (const queue of ['runs', 'tools', 'callbacks'])
    expect(await client.zcard(`${prefix}:${queue}:failed`)).toBe(0);
}

it('carries every run to its end once, with its tools and callbacks, wherever the keys are', async (test) => {
  const scene = await begun(test);
  const { cluster, fleet } = scene;
  const { before, key, once } = await underWay(scene, runs / 3);

  const caller = { apiUrl: fleet.api.apiUrl, apiKey: secrets.runfleet };
  // Sent again by their sender until they are taken: what was refused was not accepted.
  const meanwhile: Promise<{ readonly id: string }>[] = [];
  const moved = await cluster.moveSlotOf(prefix, async () => {
    for (let n = 0; n < 5; n += 1)
      meanwhile.push(
        fleet.client.runs.create(aResponse({ duration_ms: 300 }), { idempotencyKey: `meanwhile-${n}` }),
      );
    // What needs keys of both nodes at once is refused.
    expectRefused(await knock(caller, 'POST', '/v1/runs', aResponse({})));
  });
  expect(moved).toBeGreaterThan(runs);
  const again = await fleet.client.runs.create(aResponse({ duration_ms: 500 }), key);
  expect(again.id).toBe(once.id);

  const ids = [...before.map(({ run }) => required(run).id), once.id];
  for (const accepted of await Promise.all(meanwhile)) ids.push(accepted.id);
  await expectAllOnce(test, scene, ids);
});

it('loses the master of its keys, and goes on with the replica', async (test) => {
  const scene = await begun(test);
  const { cluster, fleet } = scene;
  const master = await cluster.addReplicaOf(prefix);
  const { before, key, once } = await underWay(scene, runs / 2);
  // Accepted runs are at both; of the steps, what is written from here on may be lost.
  await master.replicated();
  await master.kill();

  const caller = { apiUrl: fleet.api.apiUrl, apiKey: secrets.runfleet };
  expectRefused(await knock(caller, 'POST', '/v1/runs', aResponse({})));
  const meanwhile = await sendUntilTaken(caller, aResponse({ duration_ms: 300 }), 'meanwhile');
  await master.succeeded();
  const again = await fleet.client.runs.create(aResponse({ duration_ms: 500 }), key);
  expect(again.id).toBe(once.id);
  await master.comeBack();

  const ids = [...before.map(({ run }) => required(run).id), once.id, meanwhile];
  await expectAllOnce(test, scene, ids);
});
