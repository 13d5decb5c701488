/** `?wait=`: answered by an event, and silent until then. */

import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { anAssistantsRun, aResponse, Fleet, secrets } from '../support/fleet.ts';
import { fileLifetime } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const lifetime = fileLifetime();
/** Without workers: they have a heartbeat of their own, and here every command is counted. */
let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start(lifetime, { redis, workers: 0 });
});

const hourMs = 3_600_000;

async function wait(of: Fleet, id: string, seconds: number): Promise<{ status: number; run: unknown }> {
  const answer = await fetch(`${of.api.apiUrl}/v1/runs/${id}?wait=${seconds}`, {
    headers: { authorization: `Bearer ${secrets.runfleet}` },
  });
  return { status: answer.status, run: await answer.json() };
}

/** Commands that the server has carried out so far, by name; our own questions apart. */
async function commands(): Promise<Map<string, number>> {
  const info = await redis.client.info('commandstats');
  const counted = [...info.matchAll(/^cmdstat_([\w|-]+):calls=(\d+)/gm)].map(
    ([, name = '', calls]) => [name, Number(calls)] as const,
  );
  return new Map(counted.filter(([name]) => name !== 'info' && name !== 'ping'));
}

const reads = async (): Promise<number> => (await commands()).get('hmget') ?? 0;

async function commandsDuring(work: () => Promise<void>): Promise<Record<string, number>> {
  const before = await commands();
  await work();
  const after = await commands();
  const spent = [...after].map(([name, calls]) => [name, calls - (before.get(name) ?? 0)] as const);
  return Object.fromEntries(spent.filter(([, calls]) => calls > 0));
}

it('costs two reads a caller, however long it takes', async () => {
  const { id } = await fleet.client.runs.create(aResponse({}));
  const callers = 20;
  const spent = await commandsDuring(async () => {
    const answers = await Promise.all(Array.from({ length: callers }, () => wait(fleet, id, 3)));
    for (const answer of answers) expect(answer).toMatchObject({ status: 200, run: { status: 'accepted' } });
  });
  expect(Object.keys(spent)).toEqual(['hmget']);
  expect(spent['hmget']).toBeLessThanOrEqual(2 * callers);
});

describe('a wait', () => {
  it('is answered by the end of its run, in whatever process that is found', async (test) => {
    const whole = await Fleet.start(test, { redis, workers: 1 });
    const { id } = await whole.client.runs.create(aResponse({ duration_ms: 700 }));
    const answers = await Promise.all(Array.from({ length: 20 }, () => wait(whole, id, 60)));
    for (const answer of answers) expect(answer).toMatchObject({ status: 200, run: { status: 'completed' } });
  });

  it('is answered when its run asks for tools', async (test) => {
    const whole = await Fleet.start(test, { redis, workers: 1 });
    const { id } = await whole.client.runs.create(anAssistantsRun({ ending: 'tools', duration_ms: 300 }));
    await expect(wait(whole, id, 60)).resolves.toMatchObject({
      run: { status: 'requires_action', required_action: { tool_calls: [{ name: 'simulated_tool' }] } },
    });
    // And at once, if it does so already.
    await expect(wait(whole, id, 60)).resolves.toMatchObject({ run: { status: 'requires_action' } });
    await whole.client.runs.cancel(id);
    await expect(whole.client.runs.wait(id)).resolves.toMatchObject({ status: 'cancelled' });
  });

  it('is answered at once when the API is told to go', async (test) => {
    const going = await Fleet.start(test, { redis, workers: 0 });
    const { id } = await going.client.runs.create(aResponse({ duration_ms: hourMs }));
    const before = await reads();
    const answer = wait(going, id, 60);
    await eventually('the wait to have begun', reads, (count) => count > before);
    going.api.signal('SIGTERM');
    await expect(answer).resolves.toMatchObject({ status: 200, run: { status: 'accepted' } });
    await expect(going.api.exited).resolves.toEqual({ code: 0, signal: null });
  });

  it('for what does not exist is 404 at once', async () => {
    await expect(wait(fleet, 'run_nobody', 60)).resolves.toMatchObject({ status: 404 });
  });
});
