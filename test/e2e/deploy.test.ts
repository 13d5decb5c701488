import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { RunfleetClient } from '../../src/client/index.ts';
import { freePort } from '../../src/runtime/free-port.ts';
import { startSimulator } from '../../src/simulator/index.ts';
import { readCompose } from '../support/deploy/compose.ts';
import { buildImage, type Container, type Image } from '../support/deploy/image.ts';
import { eventually } from '../support/eventually.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

/** The Dockerfile and docker-compose.yml, done step by step without Docker: build, start, health, work, stop. */

const secrets = { OPENAI_API_KEY: 'sk-compose', RUNFLEET_API_KEYS: 'tests:key-of-the-tests' };
const runs = 12;

const opened = new AsyncDisposableStack();
let image: Image;
let redis: RedisServer;

beforeAll(async () => {
  redis = opened.use(await startRedis());
  image = await buildImage();
  opened.defer(() => image.remove());
}, 300_000);

afterAll(() => opened.disposeAsync());

test('the image holds what was built and the production dependencies, and little else', async () => {
  expect((await readdir(image.workdir)).sort()).toEqual([
    'LICENSE',
    'bin',
    'deploy',
    'dist',
    'node_modules',
    'package.json',
  ]);
  const manifest = JSON.parse(await readFile(join(image.workdir, 'package.json'), 'utf8'));
  const installed = await readdir(join(image.workdir, 'node_modules'));
  expect(installed).toEqual(expect.arrayContaining(['bullmq', 'express', 'ioredis', 'openai', 'zod']));
  const unwanted = Object.keys(manifest.devDependencies);
  expect(installed.filter((name) => unwanted.includes(name))).toEqual([]);
  expect(await megabytes(image.workdir)).toBeLessThan(80);
});

test('it is nobody’s root, and starts without a shell', () => {
  const { user, entrypoint, env, exposed, labels } = image.config;
  expect(user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  expect(entrypoint).toEqual(['node', 'bin/runfleet.js']);
  expect(env).toMatchObject({ NODE_ENV: 'production', RUNFLEET_HOST: '0.0.0.0' });
  expect(exposed.map(String)).toEqual([env['RUNFLEET_PORT'], env['RUNFLEET_METRICS_PORT']]);
  expect(Object.keys(labels)).toContain('org.opencontainers.image.title');
});

test('without a command it says what there is', async () => {
  const help = image.run([]);
  expect(await help.ended).toBe(0);
  expect(help.output()).toContain('serve the HTTP API');
});

test.for([
  { role: 'api', missing: 'RUNFLEET_API_KEYS' },
  { role: 'api', missing: 'REDIS_URL' },
  { role: 'runs', missing: 'OPENAI_API_KEY' },
])('"$role" says that $missing is missing, and ends', async ({ role, missing }) => {
  const lonely = image.run([role], { REDIS_URL: redis.url, ...secrets, [missing]: '' });
  expect(await lonely.ended).toBe(1);
  expect(lonely.output()).toContain(missing);
});

test('api and two replicas of runs become healthy, carry runs to their end, and stop when told', async () => {
  await using simulator = await startSimulator({ durations: { type: 'fixed', ms: 300 } });
  const { services } = await readCompose(secrets);
  const [apiPort, ...workerPorts] = await Promise.all([freePort(), freePort(), freePort()]);
  const start = (name: string, ports: Record<string, string>): Container => {
    const { command = [], environment = {} } = services[name] ?? {};
    // All that differs from Compose: its network, where each container has addresses and ports of its own.
    const here = { REDIS_URL: redis.url, OPENAI_BASE_URL: simulator.baseUrl, ...ports };
    const container = image.run(command, { ...environment, ...here });
    onTestFinished(async () => {
      container.process.kill('SIGKILL');
      await container.ended;
    });
    return container;
  };
  const fleet = [
    start('api', { RUNFLEET_PORT: String(apiPort), RUNFLEET_METRICS_PORT: String(await freePort()) }),
    ...workerPorts.map((port) => start('runs', { RUNFLEET_PORT: '1', RUNFLEET_METRICS_PORT: String(port) })),
  ];
  await Promise.all(fleet.map((container) => container.waitFor(': ready')));
  expect(await Promise.all(fleet.map((container) => container.health()))).toEqual([0, 0, 0]);

  const client = new RunfleetClient({ baseUrl: `http://127.0.0.1:${apiPort}`, apiKey: 'key-of-the-tests' });
  const accepted = await client.runs.createMany(
    Array.from({ length: runs }, () => ({ request: { model: 'gpt-5', input: 'Hello' } })),
  );
  const ended = await Promise.all(accepted.map(({ run }) => client.runs.wait(run?.id ?? 'refused')));
  expect(ended.map(({ status }) => status)).toEqual(Array(runs).fill('completed'));

  for (const container of fleet) container.process.kill('SIGTERM');
  expect(await Promise.all(fleet.map((container) => container.ended))).toEqual([0, 0, 0]);
  expect(await Promise.all(fleet.map((container) => container.health()))).toEqual([1, 1, 1]);
  // Logs are lines of JSON on stderr; neither they nor what is printed may tell a secret.
  const said = fleet.map((container) => container.output()).join('\n');
  for (const secret of ['sk-compose', 'key-of-the-tests']) expect(said).not.toContain(secret);
});

test('a process that hangs is unhealthy', async () => {
  const port = await freePort();
  const { services } = await readCompose(secrets);
  const container = image.run(['runs'], {
    ...services['runs']?.environment,
    REDIS_URL: redis.url,
    RUNFLEET_PORT: '1',
    RUNFLEET_METRICS_PORT: String(port),
  });
  onTestFinished(async () => {
    container.process.kill('SIGKILL');
    await container.ended;
  });
  await container.waitFor(': ready');
  container.process.kill('SIGSTOP');
  expect(await container.health()).toBe(1);
  container.process.kill('SIGCONT');
  await eventually(
    'it to be healthy again',
    () => container.health(),
    (code) => code === 0,
  );
});

async function megabytes(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map((entry) => stat(join(entry.parentPath, entry.name))));
  return sizes.reduce((sum, { size }) => sum + size, 0) / 1e6;
}
