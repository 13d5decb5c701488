import { appRoutes } from '@bull-board/api/dist/routes.js';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/adapters/embedded-redis/index.ts';
import { following, someData } from '../support/fakes/builders.ts';
import { startApp } from '../support/http/test-app.ts';
import { freePort } from '../../src/runtime/free-port.ts';

/** What the board shows and refuses, with a real queue in a real Redis. */

let redis: EmbeddedRedis;
let runs: Queue;

beforeAll(async () => {
  const port = await freePort();
  redis = await startEmbeddedRedis(port);
  runs = new Queue('runs', { connection: { host: '127.0.0.1', port }, prefix: '{runfleet}' });
  const data = someData({
    label: 'nightly',
    request: { model: 'gpt-5', input: 'SECRET-PROMPT' },
    callback: { url: 'https://example.com/SECRET-PATH' },
  });
  const job = await runs.add('run', data, { jobId: 'run-1a', delay: 3_600_000 });
  const toolCalls = [{ id: 'c1', name: 'weather', arguments: 'SECRET-ARGUMENTS' }];
  await job.updateProgress(following({ status: 'requires_action', toolCalls }));
});

afterAll(async () => {
  await runs.close();
  await redis.stop();
});

test.for([
  '/board/api/queues?activeQueue=runs&status=delayed&page=1&jobsPerPage=10',
  '/board/api/queues/runs/run-1a',
  '/board/api/queues/runs/run-1a/flow',
  '/board/api/queues/runs/run-1a/logs',
])('%s tells no secret', async (path) => {
  const app = await startApp({ boardQueues: [runs] });
  const answer = await app.call('GET', path);
  const text = await answer.text();
  expect(answer.status).toBe(200);
  expect(text).not.toContain('SECRET');
});

test('a run can be read there', async () => {
  const app = await startApp({ boardQueues: [runs] });
  const answer = await app.call('GET', '/board/api/queues/runs/run-1a');
  expect(await answer.json()).toMatchObject({
    status: 'delayed',
    job: {
      name: 'requires_action · responses · nightly',
      data: { label: 'nightly', request: { model: 'gpt-5' } },
      progress: { status: 'requires_action', waits_for_tools: 'weather' },
    },
  });
});

const changes = appRoutes.api
  .flatMap(({ method, route }) => [method].flat().map((each) => [each.toUpperCase(), String(route)] as const))
  .filter(([method]) => method !== 'GET');

test('nothing can be changed there, whatever route there is', async () => {
  const app = await startApp({ boardQueues: [runs] });
  const before = await picture();
  expect(changes.length).toBeGreaterThan(15);
  for (const [method, route] of changes) {
    const path = route
      .replace(':queueName', 'runs')
      .replace(':jobId', 'run-1a')
      .replace(':queueStatus', 'delayed')
      .replace(':schedulerId', 'x');
    const own = { 'sec-fetch-site': 'same-origin' };
    const answer = await app.call(method, `/board${path}`, { force: true }, own);
    expect([method, route, answer.status]).toEqual([method, route, 405]);
  }
  expect(await picture()).toEqual(before);
});

async function picture(): Promise<unknown> {
  const job = await runs.getJob('run-1a');
  return [await runs.getJobCounts(), await runs.isPaused(), job?.asJSON()];
}
