/** More than the fleet takes at a time: what is refused, who comes back, and who goes first. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { aResponse, Fleet, secrets } from '../support/fleet.ts';
import { runfleet } from '../support/processes.ts';
import { describeOnRealRedis, useRedis } from '../support/redis.ts';

const redis = useRedis();

it('refuses what is beyond the limit as a whole, says when to come back, and takes it once there is room', async (test) => {
  const fleet = await Fleet.start(test, {
    redis,
    workers: 0,
    env: { RUNFLEET_BACKLOG_LIMIT: '20' },
  });
  const input = aResponse({ duration_ms: 100 });
  const post = async (path: string, body: unknown): Promise<Response> =>
    await fetch(`${fleet.api.apiUrl}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secrets.runfleet}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const fifteen = { runs: Array(15).fill(input) };
  expect((await post('/v1/runs/bulk', fifteen)).status).toBe(200);

  const refused = await post('/v1/runs/bulk', fifteen);

  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(refused.headers.get('content-type')).toContain('application/problem+json');
  expect(await refused.json()).toMatchObject({ type: expect.stringContaining('backlog-full') });
  const list = async () => (await fleet.client.runs.list({ limit: 100 })).data.length;
  expect(await list()).toBe(15);
  for (let more = 0; more < 5; more += 1) expect((await post('/v1/runs', input)).status).toBe(202);
  expect((await post('/v1/runs', input)).status).toBe(429);
  expect(await list()).toBe(20);
  // The client waits as it is told; a worker makes room meanwhile.
  const [, accepted] = await Promise.all([fleet.addWorker(), fleet.client.runs.create(input)]);
  expect((await fleet.client.runs.wait(accepted.id)).status).toBe('completed');
});

it('makes `enqueue --file` wait, and go on where it was', async (test) => {
  const fleet = await Fleet.start(test, { redis, env: { RUNFLEET_BACKLOG_LIMIT: '1' } });
  const directory = await mkdtemp(join(tmpdir(), 'runfleet-overload-'));
  test.onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, 'runs.jsonl');
  // So large that each goes in a request of its own.
  const prompt = 'A long prompt. '.repeat(200_000);
  const lines = Array.from({ length: 3 }, () => JSON.stringify(aResponse({ duration_ms: 100 }, prompt)));
  await writeFile(file, lines.join('\n'));

  const result = await runfleet(test, ['enqueue', '--file', file, '--wait'], fleet.cliEnv);

  expect(result.stderr).toContain('3 accepted.');
  expect(result.code).toBe(0);
  expect(fleet.ledger().runs).toHaveLength(3);
});

describeOnRealRedis('a queue with priorities, on a server that is quick enough for one slot', () => {
  it('starts runs of priority 0 before larger ones when all workers are busy, and each priority in order', async (test) => {
    const fleet = await Fleet.start(test, { redis, workers: 0 });
    const priorities = [10, 0, 5, 0, 10, 5, 0, 10, 5, 0];
    const accepted = await fleet.client.runs.createMany(
      priorities.map((priority) => ({ ...aResponse({ duration_ms: 60_000 }), priority })),
    );
    await fleet.addWorker({ RUNFLEET_CONCURRENCY: '1' });
    const { runs } = await eventually(
      'all to have started',
      () => Promise.resolve(fleet.ledger()),
      (ledger) => ledger.runs.length === priorities.length,
      { withinMs: 60_000 },
    );
    const started = runs
      .toSorted((a, b) => a.createdAtMs - b.createdAtMs)
      .map(({ runfleetId }) => runfleetId);
    const byPriority = accepted
      .map(({ run }, at) => ({ id: run?.id, priority: priorities[at] ?? 0 }))
      .toSorted((a, b) => a.priority - b.priority);
    expect(started).toEqual(byPriority.map(({ id }) => id));
  });
});
