import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import { eventReaders } from '../../src/adapters/metrics/event-readers.ts';
import { addFleetGauges, addQuotaGauges, addToolWaitGauge } from '../../src/adapters/metrics/fleet-gauges.ts';
import { addStreamGauge, createMetrics } from '../../src/adapters/metrics/metrics.ts';
import { RunfleetClient } from '../../src/client/index.ts';
import { processEnvironment } from '../../src/config/index.ts';
import { freePort } from '../../src/runtime/free-port.ts';
import { type Simulator, startSimulator } from '../../src/simulator/index.ts';
import { programFor } from '../support/deploy/binaries.ts';
import { repository } from '../support/deploy/image.ts';
import { startPrometheus } from '../support/deploy/prometheus.ts';
import { startRunfleet } from '../support/deploy/runfleet.ts';
import { eventually } from '../support/eventually.ts';
import { startRedis } from '../support/redis-server.ts';

/** The metrics of a running fleet of one API process and two workers, as Prometheus sees them. */

const runsPerKind = 30;

const opened = new AsyncDisposableStack();
let simulator: Simulator;
let api: string;
let workers: string[];

beforeAll(async () => {
  const redis = opened.use(await startRedis());
  simulator = opened.use(await startSimulator({ durations: { type: 'uniform', minMs: 200, maxMs: 1500 } }));
  const env = {
    PATH: processEnvironment()['PATH'] ?? '',
    REDIS_URL: redis.url,
    OPENAI_BASE_URL: simulator.baseUrl,
    RUNFLEET_LOG_LEVEL: 'warn',
  };
  api = opened.use(await startRunfleet('api', { ...env, RUNFLEET_PORT: '0' })).address('API');
  workers = [];
  for (let count = 0; count < 2; count += 1) {
    const port = String(await freePort());
    const worker = opened.use(await startRunfleet('runs', { ...env, RUNFLEET_METRICS_PORT: port }));
    workers.push(worker.address('Worker metrics'));
  }
  const client = new RunfleetClient({ baseUrl: api });
  const accepted = await client.runs.createMany(
    Array.from({ length: runsPerKind }, (_, index) => [
      { kind: 'responses' as const, request: { model: 'gpt-5', input: 'Hello', metadata: ending(index) } },
      { kind: 'assistants' as const, request: { assistant_id: 'asst_1', metadata: ending(index) } },
    ]).flat(),
  );
  await Promise.all(accepted.map(({ run }) => client.runs.wait(run?.id ?? 'refused')));
});

afterAll(() => opened.disposeAsync());

function ending(index: number): Record<string, string> {
  return { sim_ending: ['completed', 'completed', 'failed', 'incomplete'][index % 4] ?? '' };
}

test('each process says its part: the calls of all workers are what the provider has counted', async () => {
  const pages = await Promise.all(workers.map(page));
  const calls = pages.map((text) => sumOf(text, 'runfleet_api_calls_total'));
  expect(calls.reduce((sum, each) => sum + each, 0)).toBe(simulator.ledger().callsTotal);
  const ended = pages.map((text) => sumOf(text, 'runfleet_runs_total'));
  expect(ended.reduce((sum, each) => sum + each, 0)).toBe(2 * runsPerKind);
});

test('the API process says how the whole fleet stands', async () => {
  const text = await page(api);
  expect(text).toContain('runfleet_runs_in_flight{kind="responses"} 0');
  expect(text).toContain('runfleet_queue_jobs{queue="runs",state="delayed"} 0');
});

const files = ['deploy/alerts.yml', 'deploy/grafana/dashboard.json', 'docs/metrics.md'];
test.for(files)('%s names no metric that there is not', async (file) => {
  const text = await readFile(join(repository, file), 'utf8');
  const named = text.match(/\b(?:runfleet|nodejs|process)_[a-z0-9_]+/g) ?? [];
  expect(named.length).toBeGreaterThan(3);
  const known = new Set(
    (await names()).flatMap((name) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]),
  );
  expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([]);
});

test('docs/metrics.md tells of every metric of ours', async () => {
  const text = await readFile(join(repository, 'docs/metrics.md'), 'utf8');
  const ours = (await names()).filter((name) => name.startsWith('runfleet_'));
  expect(ours.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

const promtool = programFor('the form of /metrics', 'promtool');
if (promtool !== null) {
  test('promtool check metrics has nothing to say about any process', async () => {
    for (const url of [api, ...workers]) {
      const check = spawn(promtool.file, ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
      let said = '';
      for (const stream of [check.stdout, check.stderr])
        stream.on('data', (chunk) => (said += String(chunk)));
      check.stdin.end(await page(url));
      const [code] = await once(check, 'close');
      expect({ code, said }).toEqual({ code: 0, said: '' });
    }
  });
}

const binary = programFor('a real Prometheus that scrapes the fleet', 'prometheus');
if (binary !== null) {
  test('Prometheus scrapes the fleet and answers what a run costs', async () => {
    await using prometheus = await startPrometheus({
      binary: binary.file,
      jobs: { 'runfleet-api': [hostOf(api)], 'runfleet-runs': workers.map(hostOf) },
      ruleFiles: [join(repository, 'deploy/alerts.yml')],
    });
    const { callsTotal, responses, assistants } = simulator.ledger();
    const created = responses.created + assistants.created;
    expect(created).toBe(2 * runsPerKind);
    const query = 'sum(runfleet_api_calls_per_run_sum) / sum(runfleet_api_calls_per_run_count)';
    const callsPerRun = await eventually(
      'the calls of both workers',
      () => prometheus.query(query),
      (seen) => seen !== null && Math.abs(seen - callsTotal / created) < 1e-9,
    );
    expect(callsPerRun).toBeGreaterThan(2);
    // The API's gauges may be scraped after the workers' calls.
    await eventually(
      'all three targets up',
      () => prometheus.targets(),
      (targets) => targets['up'] === 3,
    );
    expect(await prometheus.query('sum(runfleet_api_calls_total)')).toBe(callsTotal);
    expect(await prometheus.query('max(sum by (instance) (runfleet_runs_in_flight))')).toBe(0);
    await eventually(
      'every alert to be evaluated',
      () => prometheus.unhealthyRules(),
      (left) => left.length === 0,
    );
    const documented = await documentedQueries();
    expect(documented.length).toBeGreaterThan(20);
    for (const expression of documented) await prometheus.query(expression);
    expect(await prometheus.query('count(ALERTS{alertstate="firing"})')).toBeNull();
  });
}

async function page(url: string): Promise<string> {
  const response = await fetch(`${url}/metrics`);
  return await response.text();
}

function sumOf(text: string, name: string): number {
  const samples = text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'));
  return [...samples].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** Of every metric that some process offers. */
async function names(): Promise<string[]> {
  const { registry } = createMetrics();
  addFleetGauges(registry, () => Promise.resolve({ inFlight: {}, dead: {}, jobs: {} }));
  addStreamGauge(registry, () => 0);
  addToolWaitGauge(registry, () => Promise.resolve(0));
  eventReaders(registry);
  const idle = { limit: null, usedRatio: 0 };
  addQuotaGauges(registry, () => Promise.resolve({ default: { requests: idle, tokens: idle } }));
  return (await registry.getMetricsAsJSON()).map(({ name }) => name);
}

/** Those of the dashboard, with values for Grafana's own variables, and the recipes of docs/metrics.md. */
async function documentedQueries(): Promise<string[]> {
  const dashboard = dashboardSchema.parse(
    JSON.parse(await readFile(join(repository, 'deploy/grafana/dashboard.json'), 'utf8')),
  );
  const drawn = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  const docs = await readFile(join(repository, 'docs/metrics.md'), 'utf8');
  const recipes = /```promql\n(.*?)```/s.exec(docs)?.[1]?.trim().split('\n\n') ?? [];
  return [...drawn, ...recipes].map((text) => text.replaceAll(/\$__\w+/g, '5m'));
}

const dashboardSchema = z.object({
  panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })) })),
});

function hostOf(url: string): string {
  return new URL(url).host;
}
