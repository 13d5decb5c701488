/** The command line against a real fleet. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { anAssistantsRun, aResponse, Fleet, secrets } from '../support/fleet.ts';
import { fileLifetime, type Finished, type Lifetime, runfleet } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const lifetime = fileLifetime();
let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start(lifetime, { redis });
});

type Line = Record<string, unknown> & { readonly run?: Record<string, unknown> };

function jsonLines({ stdout }: Finished): Line[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Line => JSON.parse(line));
}

async function run(test: Lifetime, ...args: string[]): Promise<Finished> {
  return await runfleet(test, args, fleet.cliEnv);
}

it('enqueues a file: what is wrong with a line is said, the rest runs', async (test) => {
  const directory = await mkdtemp(join(tmpdir(), 'runfleet-cli-'));
  test.onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, 'runs.jsonl');
  const lines = [
    aResponse({ duration_ms: 100 }),
    anAssistantsRun({ duration_ms: 100, ending: 'failed' }),
    { kind: 'assistants', request: {} },
    { ...aResponse({ duration_ms: 0 }), label: 'mine' },
  ].map((line) => JSON.stringify(line));
  await writeFile(file, [...lines, 'not json', ''].join('\n'));

  const result = await run(test, 'enqueue', '--file', file, '--label', 'nightly', '--json', '--wait');

  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(/line 3: .*assistant_id/s);
  expect(result.stderr).toMatch(/line 5: This is not a JSON object/);
  expect(result.stderr).toContain('3 accepted, 2 refused');
  const all = jsonLines(result);
  const accepted = all.filter(({ line, run: each }) => line !== undefined && each !== undefined);
  expect(accepted.map(({ line, run: each }) => [line, each?.['label']])).toEqual([
    [1, 'nightly'],
    [2, 'nightly'],
    [4, 'mine'],
  ]);
  const ended = all.filter(({ line }) => line === undefined).map(({ run: each }) => String(each?.['status']));
  expect(ended.toSorted()).toEqual(['completed', 'completed', 'failed']);
});

it('enqueues one and waits: 0 when it completed, 2 when it ended otherwise', async (test) => {
  const completed = JSON.stringify(aResponse({ duration_ms: 300, output: 'Forty-two.' }).request);
  const failed = JSON.stringify(aResponse({ duration_ms: 0, ending: 'failed' }).request);
  const [good, bad] = await Promise.all([
    run(test, 'enqueue', '--request', completed, '--wait', '--json'),
    run(test, 'enqueue', '--request', failed, '--wait'),
  ]);
  expect(good.code).toBe(0);
  expect(jsonLines(good)).toMatchObject([
    { status: 'completed', output_text: 'Forty-two.', object: 'runfleet.run' },
  ]);
  expect(bad.code).toBe(2);
  expect(bad.stdout).toMatch(/failed/);
});

it('gets, waits, lists and redrives', async (test) => {
  const request = JSON.stringify(aResponse({ duration_ms: 1000 }).request);
  const enqueued = await run(test, 'enqueue', '--request', request, '--idempotency-key', 'once');
  expect(enqueued.code).toBe(0);
  const id = enqueued.stdout.trim();
  const [again, waited, short] = await Promise.all([
    run(test, 'enqueue', '--request', request, '--idempotency-key', 'once'),
    run(test, 'wait', id, '--json'),
    run(test, 'wait', (await fleet.client.runs.create(aResponse({ ending: 'never' }))).id, '--timeout', '1s'),
  ]);
  expect(again.stdout.trim()).toBe(id);
  expect(waited.code).toBe(0);
  expect(jsonLines(waited)).toMatchObject([{ id, status: 'completed' }]);
  expect(short.code).toBe(124);

  const got = await run(test, 'get', id, '--json');
  expect(jsonLines(got)).toEqual(jsonLines(waited));

  const redriven = await run(test, 'redrive', id, '--json');
  const [{ run: second } = {}] = jsonLines(redriven);
  const secondId = String(second?.['id']);
  expect(secondId).not.toBe(id);
  await expect(fleet.client.runs.wait(secondId)).resolves.toMatchObject({ status: 'completed' });

  const listed = await eventually(
    'both in the list',
    () => run(test, 'list', '--status', 'completed', '--all', '--json'),
    (list) => list.stdout.includes(secondId),
  );
  const ids = jsonLines(listed).map((each) => each['id']);
  expect(ids.indexOf(secondId)).toBeLessThan(ids.indexOf(id));
});

it('says what is wrong, in a line, without a secret', async (test) => {
  const [nobody, wrongKey, nowhere] = await Promise.all([
    run(test, 'get', 'run_nobody'),
    runfleet(test, ['get', 'run_x', '--api-key', 'secret-wrong-key'], fleet.cliEnv),
    runfleet(test, ['list'], { RUNFLEET_URL: 'http://127.0.0.1:9' }),
  ]);
  expect([nobody.code, wrongKey.code, nowhere.code]).toEqual([1, 1, 1]);
  expect(nobody.stderr).toMatch(/no run/i);
  expect(wrongKey.stderr).toMatch(/RUNFLEET_API_KEY/);
  expect(nowhere.stderr).toMatch(/npm start|runfleet all/);
  for (const { stdout, stderr } of [nobody, wrongKey, nowhere]) {
    expect(stdout).toBe('');
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).not.toMatch(/secret-wrong-key/);
    expect(stderr).not.toContain(secrets.runfleet);
  }
});

it('finds nothing wrong with the fleet, or says what', async (test) => {
  const env = { ...fleet.env, ...fleet.cliEnv };
  const healthy = await runfleet(test, ['doctor', '--json'], env);
  const [{ findings } = {}] = jsonLines(healthy);
  expect(JSON.stringify(findings)).toMatch(/redis/i);
  expect(healthy.stdout + healthy.stderr).not.toContain(secrets.openai);
  const sick = await runfleet(test, ['doctor'], { ...env, REDIS_URL: 'redis://127.0.0.1:9' });
  expect(sick.code).toBe(1);
  expect(sick.stdout).toMatch(/✗/);
});
