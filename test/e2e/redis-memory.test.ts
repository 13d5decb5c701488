/** What Redis acknowledged and has forgotten after a crash: its file had not reached the disk. */

import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { anAssistantsRun, aResponse, Fleet } from '../support/fleet.ts';
import { RealRedis } from '../support/redis-server.ts';
import { required } from '../support/required.ts';

const runs = 20;
const inputs = Array.from({ length: runs }, (_, n) =>
  (n % 2 === 0 ? aResponse : anAssistantsRun)({ duration_ms: 4000 + n * 50 }),
);

describe('Redis is killed', () => {
  it('with `everysec`: what was accepted in the last second is gone, and nothing older is created twice', async (test) => {
    const server = await RealRedis.start({ appendfsync: 'everysec' });
    test.onTestFinished(() => server[Symbol.asyncDispose]());
    const redis = { url: server.url, prefix: () => '{runfleet}' };
    const fleet = await Fleet.start(test, { redis, workers: 0 });
    const before = await fleet.client.runs.createMany(inputs);
    const kept = await server.written();
    // From here on, nothing reaches the disk.
    await Promise.all([fleet.addWorker(), fleet.addWorker()]);
    const key = { idempotencyKey: 'my-order-17' };
    const lost = await fleet.client.runs.create(aResponse({ duration_ms: 100 }), key);
    await eventually(
      'all of them to be created',
      () => fleet.ledger().runs.length,
      (count) => count === runs + 1,
    );
    await server.kill();
    await server.forgetAllAfter(kept);
    await server.up();

    await expect(fleet.client.runs.get(lost.id)).rejects.toMatchObject({ status: 404 });
    const again = await fleet.client.runs.create(aResponse({ duration_ms: 100 }), key);
    expect(again.id).not.toBe(lost.id);
    const ids = [...before.map(({ run }) => required(run).id), again.id];
    const ended = await Promise.all(ids.map((id) => fleet.client.runs.wait(id)));
    expect(ended.filter(({ status }) => status !== 'completed')).toEqual([]);
    const ledger = fleet.ledger();
    expect(ledger.duplicates).toEqual([]);
    // The one that was lost, and its successor.
    expect(ledger.runs).toHaveLength(runs + 2);
  });

  it('with `always`: every run that was accepted is carried to its end', async (test) => {
    const server = await RealRedis.start({ appendfsync: 'always' });
    test.onTestFinished(() => server[Symbol.asyncDispose]());
    const redis = { url: server.url, prefix: () => '{runfleet}' };
    const fleet = await Fleet.start(test, { redis, workers: 2 });
    // Callers send while it goes, and again what was not accepted.
    const accepted: string[] = [];
    const senders = Array.from({ length: 4 }, async (_, sender) => {
      for (let n = 0; n < 15; n += 1) {
        const key = { idempotencyKey: `sender-${sender}-${n}` };
        accepted.push((await fleet.client.runs.create(aResponse({ duration_ms: 500 }), key)).id);
      }
    });
    await eventually(
      'some to be accepted',
      () => accepted.length,
      (count) => count > 15,
    );
    await server.kill();
    await server.up();
    await Promise.all(senders);

    const ended = await Promise.all(accepted.map((id) => fleet.client.runs.wait(id)));
    expect(new Set(accepted).size).toBe(60);
    expect(ended.filter(({ status }) => status !== 'completed')).toEqual([]);
    expect(fleet.ledger().duplicates).toEqual([]);
  });
});
