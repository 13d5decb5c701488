/** A pool of two accounts under load, from two processes: no window of either over its limit, and little of both unused. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createRedisLimiter } from '../../../src/adapters/redis-limiter/limiter.ts';
import { AccountDirectory } from '../../../src/app/account-directory.ts';
import { askPermit } from '../../../src/app/ask-permit.ts';
import { initialState, type RunState } from '../../../src/domain/run.ts';
import type { Account } from '../../../src/ports/accounts.ts';
import { Closers } from '../../../src/runtime/closers.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { Standings } from '../../../src/runtime/standings.ts';
import { aSpec } from '../../support/fakes/builders.ts';
import { FakeProvider, FakeProviderHealth, ManualClock } from '../../support/fakes/index.ts';
import { ArrivalServer } from '../../support/arrival-server.ts';
import { worstWindow } from '../../support/arrivals.ts';
import { RedisServer } from './redis-server.ts';

const windowMs = 4000;
const latencyMs = 5;
const limits = { small: 120, large: 480 } as const;
type Name = keyof typeof limits;
const names: readonly Name[] = ['small', 'large'];
const runs = 1500;
const secretOf = (name: Name): string => `sk-secret-of-${name}`;

test('a pool fills both accounts, and neither is ever over its limit', async () => {
  await using redis = await RedisServer.start();
  await using small = await ArrivalServer.start({ limit: limits.small, windowMs, latencyMs });
  await using large = await ArrivalServer.start({ limit: limits.large, windowMs, latencyMs });
  const servers = { small, large };
  const closers = new Closers((name, error) => {
    throw new Error(name, { cause: error });
  });
  try {
    const processes = [await aProcess(redis, closers), await aProcess(redis, closers)];
    const startedMs = performance.now();
    await Promise.all(
      Array.from({ length: runs }, async (_, n) => {
        const directory = processes[n % 2];
        const name = directory === undefined ? '' : await accountFor(`run-${n}`, directory);
        if (name === 'small' || name === 'large') await fetch(`${servers[name].url}/create`);
      }),
    );
    const seconds = (performance.now() - startedMs) / 1000;

    for (const name of names) {
      const { arrivals, throttled } = servers[name];
      expect(throttled).toBe(0);
      expect(
        worstWindow(
          arrivals.map(({ atMs }) => atMs),
          windowMs,
        ),
      ).toBeLessThanOrEqual(limits[name]);
    }
    // By their size: a fifth and four fifths, and not half and half. How near is for the tests of `spread.ts`: a slow machine
    // reads the standings seldom.
    expect(small.arrivals.length + large.arrivals.length).toBe(runs);
    expect(large.arrivals.length / runs).toBeGreaterThan(0.6);
    expect(large.arrivals.length / runs).toBeLessThan(0.95);
    expect(seconds).toBeGreaterThan(((runs - limits.small - limits.large) / 600) * (windowMs / 1000) * 0.9);

    const client = redis.client();
    const kept = await client.keys('*');
    expect(kept.filter((key) => /^\{runfleet\}:limiter:[0-9a-f]{20}$/.test(key))).toHaveLength(2);
    expect(kept.join()).not.toContain('secret');
    client.disconnect();
  } finally {
    await closers.closeAll(5000);
  }
});

/** The accounts of one process, with connections of its own. */
async function aProcess(redis: RedisServer, closers: Closers): Promise<AccountDirectory> {
  const standings = new Standings();
  const clients: Redis[] = [redis.client(), redis.client()];
  closers.add('Redis', () => Promise.resolve(clients.forEach((client) => client.disconnect())));
  const [client, subscriber] = clients;
  if (client === undefined || subscriber === undefined) throw new Error('There are two.');
  const anAccount = (name: Name): Account => {
    const gate = createRedisLimiter({
      client,
      subscriber,
      account: { baseUrl: `http://${name}`, credential: secretOf(name) },
      settings: { windowMs, jitterMs: 400, bookMs: 250, contactMs: 1000, requests: limits[name] },
    });
    closers.add(name, () => gate.close());
    const health = new FakeProviderHealth(new ManualClock());
    standings.add(name, { quota: () => gate.snapshot(), health });
    return {
      name,
      providers: { responses: new FakeProvider('responses'), assistants: new FakeProvider('assistants') },
      gate,
      health,
      standing: () => standings.of(name),
    };
  };
  const accounts = [anAccount('small'), anAccount('large')] as const;
  await standings.start({ closers, logger: pino({ level: 'silent' }) });
  return new AccountDirectory({ accounts, pools: [{ name: 'any', members: names }], clock: systemClock });
}

/** The permit of a create, asked for as a run does it: parked with its ticket, and back again. */
async function accountFor(id: string, directory: AccountDirectory): Promise<string> {
  const spec = aSpec({ id, account: 'any' });
  let state: RunState = initialState(0);
  for (;;) {
    const admission = await askPermit({ spec, state, request: {}, outputs: [] }, 'create', directory);
    if (admission.type === 'unknown') throw new Error(admission.name);
    if (admission.type === 'granted') return admission.account.name;
    const { permit, account, untilMs } = admission;
    state = permit === null ? initialState(0) : { ...initialState(0), permit, account: account.name };
    await sleep(Math.max(1, untilMs - Date.now()));
  }
}
