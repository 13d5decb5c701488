/** A Redis that is there, but takes no writes: nothing is accepted, nothing under way is lost or ended wrongly. */

import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Redis } from 'ioredis';
import { eventually } from '../support/eventually.ts';
import { anAssistantsRun, aResponse, Fleet, secrets } from '../support/fleet.ts';
import { expectRefused, knock } from '../support/knock.ts';
import { quiet } from '../support/redis.ts';
import { RealRedis } from '../support/redis-server.ts';
import { required } from '../support/required.ts';

const runs = 30;

interface Refusal {
  readonly name: string;
  readonly begin: (client: Redis, server: RealRedis) => Promise<unknown>;
  readonly end: (client: Redis, server: RealRedis) => Promise<unknown>;
}

const refusals: readonly Refusal[] = [
  {
    name: 'its memory is full (noeviction)',
    begin: (client) => client.config('SET', 'maxmemory', '1mb'),
    end: (client) => client.config('SET', 'maxmemory', '0'),
  },
  {
    name: 'its disk takes no snapshot (MISCONF)',
    begin: async (client, { directory }) => {
      await client.config('SET', 'save', '3600 1');
      // Where the file is to be put, something else stands.
      await mkdir(join(directory, 'dump.rdb'));
      await client.bgsave();
      await eventually(
        'the snapshot to fail',
        () => client.info('persistence'),
        (info) => info.includes('rdb_last_bgsave_status:err'),
      );
    },
    end: async (client, { directory }) => {
      await rmdir(join(directory, 'dump.rdb'));
      await client.bgsave();
    },
  },
];

it.for(refusals)('$name', async ({ begin, end }, test) => {
  const server = await RealRedis.start({ appendonly: 'no' });
  test.onTestFinished(() => server[Symbol.asyncDispose]());
  const client = quiet(server.url);
  test.onTestFinished(() => client.disconnect());
  const fleet = await Fleet.start(test, {
    redis: { url: server.url, prefix: () => '{runfleet}' },
    workers: 2,
    env: { RUNFLEET_RPM: '6000' },
  });
  const caller = { apiUrl: fleet.api.apiUrl, apiKey: secrets.runfleet };
  const inputs = Array.from({ length: runs }, (_, n) =>
    (n % 2 === 0 ? aResponse : anAssistantsRun)({ duration_ms: 500 + n * 50 }),
  );
  const first = await fleet.client.runs.createMany(inputs);
  await eventually(
    'those to be followed',
    async () => (await fleet.client.runs.list({ status: 'creating' })).data,
    (left) => left.length === 0 && fleet.ledger().runs.length === runs,
  );
  // The replies to these creates come while nothing can be written.
  fleet.simulator.configure({ latencyMs: { type: 'fixed', ms: 1500 } });
  const second = await fleet.client.runs.createMany(inputs);
  await eventually(
    'more creates to be out',
    () => fleet.ledger().runs.length,
    (count) => count === 2 * runs,
  );

  await begin(client, server);
  const [run] = first;
  const id = required(run?.run).id;
  expectRefused(await knock(caller, 'POST', '/v1/runs', aResponse({})));
  expectRefused(await knock(caller, 'POST', '/v1/runs/bulk', { runs: [aResponse({})] }));
  expectRefused(await knock(caller, 'POST', '/v1/runs', aResponse({}), { 'idempotency-key': 'one' }));
  expect(await knock(caller, 'GET', `/v1/runs/${id}`)).toMatchObject({ status: 200 });
  // Longer than a worker's lock lasts: none of its runs is its own any more.
  await eventually(
    'every lock to be gone',
    () => client.keys('{runfleet}:runs:*:lock'),
    (locks) => locks.length === 0,
  );
  fleet.simulator.configure({ latencyMs: { type: 'fixed', ms: 10 } });
  await end(client, server);

  const ids = [...first, ...second].map((accepted) => required(accepted.run).id);
  const ended = await Promise.all(ids.map((each) => fleet.client.runs.wait(each)));
  expect(ended.filter(({ status }) => status !== 'completed')).toEqual([]);
  const ledger = fleet.ledger();
  expect(ledger.duplicates).toEqual([]);
  // What was refused was not accepted either.
  expect(ledger.runs).toHaveLength(2 * runs);
  expect(await client.zcard('{runfleet}:runs:failed')).toBe(0);
  // Some lines a second from each, not thousands.
  expect(fleet.output().split('\n').length).toBeLessThan(2000);
});
