/** A worker that is slow, not dead: what others take over from it meanwhile is done once, and it goes on afterwards. */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { aResponse, Fleet, simulated } from '../support/fleet.ts';
import { useRedis } from '../support/redis.ts';
import { required } from '../support/required.ts';

const redis = useRedis();
const blocker = pathToFileURL(join(import.meta.dirname, '../support/blocker.ts'));
const runs = 40;

/** Runs in the hands of two workers, the first of which can be held up. */
async function underWay(test: Parameters<typeof Fleet.start>[0]): Promise<{ fleet: Fleet; ids: string[] }> {
  const fleet = await Fleet.start(test, {
    redis,
    workers: 0,
    simulator: { latencyMs: { type: 'fixed', ms: 400 } },
  });
  await fleet.addWorker({ NODE_OPTIONS: `--import ${blocker.href}` });
  await fleet.addWorker();
  const inputs = await Promise.all(
    Array.from({ length: runs }, async (_, n) => {
      const fate = { duration_ms: 2000 + n * 200 };
      if (n % 2 === 0) return aResponse(fate);
      const request = {
        assistant_id: 'asst_1',
        thread_id: await fleet.newThread(),
        metadata: simulated(fate),
      };
      return { kind: 'assistants', request } as const;
    }),
  );
  const ids = (await fleet.client.runs.createMany(inputs)).map(({ run }) => required(run).id);
  const created = (): number => fleet.ledger().runs.length;
  // In the middle of the creates, where it does most harm.
  await eventually('creates under way', created, (count) => count > 5);
  return { fleet, ids };
}

/** Each run ends once, and none is created twice; returns those that completed. */
async function endAllOnce(fleet: Fleet, ids: readonly string[]): Promise<readonly string[]> {
  const ended = await Promise.all(ids.map((id) => fleet.client.runs.wait(id)));
  const { duplicates, runs: atProvider } = fleet.ledger();
  expect(duplicates).toEqual([]);
  // Held up between the intent and the create, it sent nothing; but nobody else can know that.
  const failed = ended.filter(({ status }) => status !== 'completed');
  expect(new Set(failed.map(({ error }) => error?.code))).toBeOneOf([
    new Set(),
    new Set(['ambiguous_create']),
  ]);
  const completed = ended.filter(({ status }) => status === 'completed').map(({ id }) => id);
  expect(new Set(atProvider.map(({ runfleetId }) => runfleetId))).toEqual(new Set(completed));
  const said = fleet
    .output()
    .split('\n')
    .filter((line) => line.includes('run ended'));
  expect(ids.filter((id) => said.filter((line) => line.includes(id)).length !== 1)).toEqual([]);
  expect(fleet.output()).not.toMatch(/"level":(50|60)/);
  return completed;
}

it.concurrent('whose event loop is blocked for six seconds, and starved after that', async (test) => {
  const { fleet, ids } = await underWay(test);
  fleet.workers[0]?.signal('SIGUSR2');
  // One worker at least was never held up.
  expect((await endAllOnce(fleet, ids)).length).toBeGreaterThan(0);
});

it.concurrent('which is stopped until the others have taken everything over', async (test) => {
  const { fleet, ids } = await underWay(test);
  const [stopped] = fleet.workers;
  stopped?.signal('SIGSTOP');
  await eventually(
    'its runs to be taken over',
    async () => await Promise.all(ids.map((id) => redis.client.hget(`${fleet.prefix}:runs:${id}`, 'stc'))),
    (stalls) => stalls.some((count) => count !== null),
  );
  stopped?.signal('SIGCONT');
  // One worker at least was never held up.
  expect((await endAllOnce(fleet, ids)).length).toBeGreaterThan(0);
});
