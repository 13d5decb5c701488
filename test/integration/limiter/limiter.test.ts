import { setTimeout as sleep } from 'node:timers/promises';

import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createRedisLimiter, type RedisLimiter } from '../../../src/adapters/redis-limiter/limiter.ts';
import type { CallClass } from '../../../src/domain/limiter/classes.ts';
import type { Permit, PermitAsk } from '../../../src/ports/rate-gate.ts';
import { readRateHeaders } from '../../../src/domain/limiter/headers.ts';
import type { LimiterSettings } from '../../../src/domain/limiter/terms.ts';
import { readTicket } from '../../../src/domain/limiter/ticket.ts';
import { worstWindow } from '../../support/arrivals.ts';
import { RedisServer } from './redis-server.ts';
import { until } from './workers.ts';

const windowMs = 4000;
const quick: Partial<LimiterSettings> = {
  windowMs,
  jitterMs: 80,
  bookMs: 250,
  contactMs: 300,
  requests: 400,
};

/** For tests that count slots: on a slow machine too none is come to too late, and none passes out of the window. */
const unhurried: Partial<LimiterSettings> = {
  windowMs: 60_000,
  jitterMs: 3000,
  bookMs: 1000,
  contactMs: 3000,
};

let redis: RedisServer;
let clients: Redis[];
let limiters: RedisLimiter[];
beforeEach(async () => {
  redis = await RedisServer.start();
  clients = [];
  limiters = [];
});
afterEach(async () => {
  await Promise.all(limiters.map((limiter) => limiter.close()));
  for (const client of clients) client.disconnect();
  await redis[Symbol.asyncDispose]();
});

/** As another process would have it: connections of its own, and a clock of its own. */
function newGate(settings: Partial<LimiterSettings> = {}, skewMs = 0): RedisLimiter {
  const [client, subscriber] = [redis.client(), redis.client()];
  clients.push(client, subscriber);
  const made = createRedisLimiter({
    client,
    subscriber,
    account: { baseUrl: 'http://provider', credential: 'key' },
    settings: { ...quick, ...settings },
    clock: { nowMs: () => Date.now() + skewMs, monotonicMs: () => performance.now() },
  });
  limiters.push(made);
  return made;
}

/** One call as a run makes it: refused, parked, back again with its ticket. */
async function permitted(gate: RedisLimiter, callClass: CallClass, skewMs = 0): Promise<number> {
  let ask: PermitAsk = { callClass, ticket: null };
  for (;;) {
    const permit = await gate.acquire(ask);
    if (permit.granted) return performance.now();
    ask = { callClass, ticket: permit.ticket };
    await sleep(Math.max(1, permit.atMs - Date.now() - skewMs));
  }
}

/** Keeps so many calls going until told to stop; the times of all permits. */
function load(
  gate: RedisLimiter,
  runs: number,
  skewMs = 0,
): { readonly times: number[]; stop(): Promise<void> } {
  const times: number[] = [];
  const stop = new AbortController();
  const all = Array.from({ length: runs }, async () => {
    let ticket: string | null = null;
    while (!stop.signal.aborted) {
      const permit = await gate.acquire({ callClass: 'look', ticket });
      ticket = permit.granted ? null : permit.ticket;
      if (permit.granted) times.push(performance.now());
      else await sleep(Math.max(1, Math.min(permit.atMs - Date.now() - skewMs, 500)));
    }
  });
  return {
    times,
    async stop() {
      stop.abort();
      await gate.close();
      await Promise.all(all);
    },
  };
}

describe('permits', () => {
  test('a first call on an idle account is granted', async () => {
    const gate = newGate(unhurried);
    await permitted(gate, 'look');
    const { requests, account, waitingHere } = await gate.snapshot();
    expect(requests).toMatchObject({ limit: 400, used: 1, source: 'configured' });
    expect(account).toMatch(/^[0-9a-f]{20}$/);
    expect(waitingHere.look).toBe(0);
  });

  test('a call that must wait gets its time in the clock of the caller, minutes off as it may be', async () => {
    const gate = newGate({ requests: 20 }, 300_000);
    await permitted(gate, 'look', 300_000);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => gate.acquire({ callClass: 'look', ticket: null })),
    );
    const refused = answers.filter((answer) => !answer.granted);
    expect(refused.length).toBeGreaterThan(5);
    for (const { atMs, reason, ticket } of refused) {
      expect(atMs).toBeGreaterThan(Date.now() + 299_000);
      expect(atMs).toBeLessThan(Date.now() + 300_000 + windowMs);
      expect(reason).toBe('quota');
      expect(ticket).not.toBeNull();
    }
  });

  test('a ticket is good at any process, once its time has come', async () => {
    const [one, other] = [newGate(unhurried), newGate(unhurried)];
    await permitted(one, 'look');
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => one.acquire({ callClass: 'look', ticket: null })),
    );
    const refused = answers.find(
      (answer) => !answer.granted && typeof readTicket(answer.ticket)?.slotUs === 'number',
    );
    if (refused === undefined || refused.granted)
      throw new Error('Nobody was given a slot to come back for.');
    await sleep(Math.max(0, refused.atMs - Date.now()));
    const before = await used(one);
    expect(await other.acquire({ callClass: 'look', ticket: refused.ticket })).toMatchObject({
      granted: true,
    });
    expect(await used(one)).toBe(before);
  });

  test('a class with more to do than there is leaves room for urgent calls', async () => {
    const gate = newGate({ headroomShare: 0.02 });
    await permitted(gate, 'look');
    const crowd = load(gate, 100);
    await until(() => crowd.times.length > 20);
    const urgent = await gate.acquire({ callClass: 'cancel', ticket: null });
    expect(urgent.granted).toBe(true);
    await crowd.stop();
  });

  test('what a process had in hand is free again after its shutdown', async () => {
    const [leaving, staying] = [newGate(), newGate()];
    const crowd = load(leaving, 200);
    await until(() => crowd.times.length > 100);
    await crowd.stop();
    await permitted(staying, 'look');
    await expect(leaving.acquire({ callClass: 'look', ticket: null })).resolves.toMatchObject({
      granted: false,
      reason: 'unavailable',
    });
  });
});

async function used(gate: RedisLimiter): Promise<number> {
  const { classes } = await gate.snapshot();
  return classes.look.usedInWindow + classes.look.booked;
}

function create(gate: RedisLimiter, id: string, estimate: number): Promise<Permit> {
  return gate.acquire({ callClass: 'create', ticket: null, tokens: { id, estimate } });
}

describe('what the provider says', () => {
  test('a pause holds everybody, those with tickets and slots too', async () => {
    const [one, other] = [newGate(), newGate()];
    const crowd = load(other, 60);
    await until(() => crowd.times.length > 40);
    // Long enough to be met with on a slow machine.
    const pauseMs = 5000;
    await one.pauseUntil(Date.now() + pauseMs);
    const pausedAt = performance.now();
    // The announcement takes a moment to arrive; what was granted meanwhile is no fault.
    await until(async () => !(await other.acquire({ callClass: 'cancel', ticket: null })).granted);
    const heardAt = performance.now();
    const { pausedUntilMs, waitingFor } = await one.snapshot();
    expect(pausedUntilMs).not.toBeNull();
    expect(waitingFor).toBe('pause');
    await until(() => (crowd.times.at(-1) ?? 0) > pausedAt + pauseMs);
    await crowd.stop();
    expect(crowd.times.filter((at) => at > heardAt && at < pausedAt + pauseMs - 50)).toEqual([]);
  });

  test('a limit is learnt from headers, by all', async () => {
    const [one, other] = [newGate({ requests: null }), newGate({ requests: null })];
    await permitted(one, 'look');
    const headers = new Headers({
      'x-ratelimit-limit-requests': '500',
      'x-ratelimit-remaining-requests': '499',
    });
    one.observe({ httpStatus: 200, headers: readRateHeaders((name) => headers.get(name)) });
    await until(async () => (await other.snapshot()).requests.limit === 500);
    expect((await other.snapshot()).requests.source).toBe('headers');
  });

  test('calls that go freely are counted, and who counts hears of a limit', async () => {
    const [one, other] = [newGate({ requests: null }), newGate({ requests: null })];
    one.countFree('look');
    one.countFree('create');
    await until(async () => (await other.snapshot()).requests.used === 2);
    expect((await other.snapshot()).requests.limit).toBeNull();
    expect(one.isLimited()).toBe(false);
    one.observe({ httpStatus: 429, headers: readRateHeaders(() => null) });
    other.countFree('look');
    await until(() => one.isLimited() && other.isLimited());
    expect((await other.snapshot()).requests.source).toBe('throttled');
  });

  test('tokens are shared, reserved and settled', async () => {
    const settings = { tokens: 1000 };
    const [one, other] = [newGate(settings), newGate(settings)];
    await permitted(one, 'look');
    expect(await create(one, 'a', 900)).toMatchObject({ granted: true });
    expect(await create(other, 'b', 900)).toMatchObject({ granted: false, reason: 'tokens' });
    one.settleTokens('a', 50);
    await until(async () => (await other.snapshot()).tokens.used === 50);
    expect(await create(other, 'b', 900)).toMatchObject({ granted: true });
  });
});

describe('faults', () => {
  test('without Redis there is no permit, and it says so; with it there is again', async () => {
    const gate = newGate();
    await permitted(gate, 'look');
    await gate.check();
    await redis.kill();
    expect(await gate.acquire({ callClass: 'cancel', ticket: null })).toMatchObject({
      granted: false,
      reason: 'unavailable',
    });
    await expect(gate.check()).rejects.toThrow('cannot reach Redis');
    await redis.up();
    await permitted(gate, 'look');
    await gate.check();
  });

  test('a restart that loses everything costs some time, and no window is exceeded', async () => {
    const gates = [newGate({}, 0), newGate({}, 120_000), newGate({}, -120_000)];
    const crowds = gates.map((gate, i) => load(gate, 60, [0, 120_000, -120_000][i]));
    const times = (): number[] => crowds.flatMap((crowd) => crowd.times);
    await until(() => times().length > 500);
    await redis.kill();
    await redis.up();
    const at = times().length;
    await until(() => times().length > at + 500);
    await Promise.all(crowds.map((crowd) => crowd.stop()));
    expect(worstWindow(times(), windowMs)).toBeLessThanOrEqual(400);
  });

  test('a restart with an old state on disk is noticed as one', async () => {
    const gates = [newGate(), newGate()];
    const crowds = gates.map((gate) => load(gate, 80));
    const times = (): number[] => crowds.flatMap((crowd) => crowd.times);
    await until(() => times().length > 300);
    const [client] = clients;
    await client?.save();
    const saved = times().length;
    await until(() => times().length > saved + 200);
    await redis.kill();
    await redis.up();
    const at = times().length;
    await until(() => times().length > at + 400);
    await Promise.all(crowds.map((crowd) => crowd.stop()));
    expect(worstWindow(times(), windowMs)).toBeLessThanOrEqual(400);
  });

  test('a script cache that was flushed goes unnoticed', async () => {
    const gate = newGate(unhurried);
    await permitted(gate, 'look');
    await clients[0]?.script('FLUSH');
    await permitted(gate, 'look');
    expect((await gate.snapshot()).requests.used).toBe(2);
  });
});
