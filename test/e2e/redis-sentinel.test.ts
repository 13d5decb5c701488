/** A whole fleet behind Sentinel, whose master goes in three ways: it hangs, it steps down, it dies. */

import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { anAssistantsRun, aResponse, Fleet, secrets } from '../support/fleet.ts';
import { type Answer, expectRefused, knock } from '../support/knock.ts';
import { RedisSentinel } from '../support/redis-sentinel.ts';
import { required } from '../support/required.ts';

const runs = 30;

interface Scene {
  readonly sentinel: RedisSentinel;
  readonly fleet: Fleet;
  readonly ids: readonly string[];
}

async function underWay(test: Parameters<typeof Fleet.start>[0]): Promise<Scene> {
  const sentinel = await RedisSentinel.start();
  test.onTestFinished(() => sentinel[Symbol.asyncDispose]());
  const fleet = await Fleet.start(test, {
    redis: { url: sentinel.url, prefix: () => '{runfleet}' },
    workers: 2,
    env: { RUNFLEET_RPM: '6000' },
  });
  const inputs = Array.from({ length: runs }, (_, n) => ({
    ...(n % 2 === 0 ? aResponse : anAssistantsRun)({ duration_ms: n % 6 === 5 ? 200 : 4000 + n * 50 }),
    ...(n % 6 === 5 ? { lane: 'one' } : {}),
  }));
  const accepted = await fleet.client.runs.createMany(inputs);
  const ids = accepted.map(({ run }) => required(run).id);
  await eventually(
    'all runs that can be to be followed',
    async () =>
      (await fleet.client.runs.list({ status: 'creating' })).data.length + fleet.ledger().runs.length,
    (count) => count >= runs - 5 && fleet.ledger().runs.length >= runs - 5,
  );
  return { sentinel, fleet, ids };
}

/** Refused in one way until there is a master again. Resolves with what was told meanwhile. */
async function refusedUntilAccepted({ fleet }: Scene): Promise<Answer[]> {
  const caller = { apiUrl: fleet.api.apiUrl, apiKey: secrets.runfleet };
  const answers: Answer[] = [];
  await eventually(
    'a run to be accepted',
    async () => {
      const answer = await knock(caller, 'POST', '/v1/runs', aResponse({ duration_ms: 0 }));
      if (answer.status !== 202) answers.push(answer);
      return answer.status;
    },
    (status) => status === 202,
    { everyMs: 200, withinMs: 60_000 },
  );
  for (const answer of answers) expectRefused(answer);
  return answers;
}

async function expectAllOnce({ fleet, ids }: Scene): Promise<void> {
  const ended = await Promise.all(ids.map((id) => fleet.client.runs.wait(id)));
  expect(ended.filter(({ status }) => status !== 'completed')).toEqual([]);
  expect(ended.filter(({ calls }) => calls.create !== 1)).toEqual([]);
  expect(fleet.ledger().duplicates).toEqual([]);
}

describe('the master', () => {
  it('hangs with all its connections open, and a replica takes its place', async (test) => {
    const scene = await underWay(test);
    scene.sentinel.master.freeze();
    const refused = await refusedUntilAccepted(scene);
    expect(refused.every(({ status }) => status === 503)).toBe(true);
    await expectAllOnce(scene);
  });

  it('steps down, comes back as a replica, and its successor dies', async (test) => {
    const scene = await underWay(test);
    await scene.sentinel.switchOver();
    await refusedUntilAccepted(scene);
    await scene.sentinel.replica.kill();
    const refused = await refusedUntilAccepted(scene);
    expect(refused.length).toBeGreaterThan(0);
    await expectAllOnce(scene);
  });
});
