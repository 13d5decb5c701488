/** Redis goes away in the middle of work, and comes back. */

import { expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { anAssistantsRun, aResponse } from '../support/fleet.ts';
import { expectRefused, knock } from '../support/knock.ts';
import { LocalFleet } from '../support/local-fleet.ts';
import { describeOnRealRedis, useRedis } from '../support/redis.ts';
import { RealRedis } from '../support/redis-server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const redis = useRedis();
const runs = 30;

/** Runs under way, Redis away, callers refused, Redis back; nothing is done twice. Resolves with the runs that were lost. */
async function survives(
  fleet: LocalFleet,
  away: () => Promise<void>,
  back: () => Promise<void>,
): Promise<readonly string[]> {
  const inputs = Array.from({ length: runs }, (_, n) =>
    (n % 2 === 0 ? aResponse : anAssistantsRun)({ duration_ms: 1500 + n * 50 }),
  );
  const accepted = await fleet.client.runs.createMany(inputs);
  const ids = accepted.map(({ run }) => run?.id ?? '');
  const created = (): number => {
    const { responses, assistants } = fleet.simulator.ledger();
    return responses.created + assistants.created;
  };
  await eventually('all creates', created, (count) => count === runs);
  await eventually(
    'all of them to be followed',
    () => fleet.client.runs.list({ status: 'creating' }),
    ({ data }) => data.length === 0,
  );

  await away();
  const refusals = await Promise.all([
    knock(fleet, 'POST', '/v1/runs', aResponse({})),
    knock(fleet, 'POST', '/v1/runs/bulk', { runs: [aResponse({})] }),
    knock(fleet, 'GET', `/v1/runs/${ids[0]}`),
    knock(fleet, 'GET', `/v1/runs/${ids[0]}?wait=1`),
    knock(fleet, 'GET', '/v1/runs'),
    knock(fleet, 'POST', `/v1/runs/${ids[0]}/cancel`),
  ]);
  for (const refusal of refusals) expectRefused(refusal);
  await expect(knock(fleet, 'GET', '/readyz')).resolves.toMatchObject({ status: 503 });
  await expect(knock(fleet, 'GET', '/healthz')).resolves.toMatchObject({ status: 200 });
  await back();

  const ended = await Promise.all(ids.map((id) => fleet.client.runs.wait(id)));
  await expect(knock(fleet, 'GET', '/readyz')).resolves.toMatchObject({ status: 200 });
  // What was refused was not accepted behind the caller's back.
  const store = fleet.store();
  await eventually(
    'no job to be left',
    async () => (await store.counts()).jobs,
    ({ waiting, active, delayed, completed }) =>
      waiting === 0 && active === 0 && delayed === 0 && completed === runs,
  );
  expect(created()).toBe(runs);
  expect(fleet.simulator.ledger().duplicates).toEqual([]);
  // And new work is taken at once.
  await expect(fleet.client.runs.createAndWait(aResponse({ duration_ms: 0 }))).resolves.toMatchObject({
    status: 'completed',
  });
  return ended.filter(({ status }) => status !== 'completed').map(({ id, status }) => `${id} ${status}`);
}

it('every connection breaks, and none is to be had for a while', async () => {
  const wire = await TcpProxy.to(redis.port);
  onTestFinished(() => wire[Symbol.asyncDispose]());
  const fleet = await LocalFleet.start({
    redis: { url: wire.redisUrl, prefix: () => redis.prefix() },
    workers: 2,
  });
  const lost = await survives(
    fleet,
    () => wire.cut(),
    () => wire.restore(),
  );
  expect(lost).toEqual([]);
});

async function ownFleet(): Promise<{ server: RealRedis; fleet: LocalFleet }> {
  const server = await RealRedis.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const fleet = await LocalFleet.start({
    redis: { url: server.url, prefix: () => '{runfleet}' },
    workers: 2,
  });
  return { server, fleet };
}

describeOnRealRedis('a Redis of its own', () => {
  it('is frozen for some seconds', async () => {
    const { server, fleet } = await ownFleet();
    const lost = await survives(
      fleet,
      () => Promise.resolve(server.freeze()),
      () => Promise.resolve(server.thaw()),
    );
    expect(lost).toEqual([]);
  });

  it('is killed, and started again on what it had written', async () => {
    const { server, fleet } = await ownFleet();
    const lost = await survives(
      fleet,
      () => server.kill(),
      () => server.up(),
    );
    expect(lost).toEqual([]);
  });
});
