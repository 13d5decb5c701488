import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import * as z from 'zod';
import { variables } from '../../src/config/index.ts';
import { freePort } from '../../src/runtime/free-port.ts';
import { programFor } from '../support/deploy/binaries.ts';
import { readCompose } from '../support/deploy/compose.ts';
import { imageConfig, parseDockerfile } from '../support/deploy/dockerfile.ts';
import { repository } from '../support/deploy/image.ts';
import { spawnGuarded } from '../support/children.ts';
import { eventuallyPasses } from '../support/eventually.ts';
import { quiet } from '../support/redis.ts';

/** What the files of a deployment promise, and that they agree with each other and with the configuration. */

const secrets = { OPENAI_API_KEY: 'sk', RUNFLEET_API_KEYS: 'a:b' };
/** `stop` of a process takes so long at most. */
const shutdownSeconds = 25;

const stages = parseDockerfile(await read('Dockerfile'));
const image = imageConfig(stages.at(-1) ?? { name: '', base: '', instructions: [] });

describe('Dockerfile', () => {
  test('every stage is Node 24 on a slim base', () => {
    expect(stages.map(({ base }) => base)).toEqual(
      stages.map(() => expect.stringMatching(/^node:24-\w+-slim$/)),
    );
  });

  test('all that it copies from here is in the build context, and secrets are not', async () => {
    const ignored = (await read('.dockerignore'))
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(ignored[0]).toBe('*');
    const sent = ignored.slice(1).map((line) => line.replace(/^!/, ''));
    expect(sent).not.toContain('.env');
    for (const { text } of stages.flatMap(({ instructions }) =>
      instructions.filter(({ name }) => name === 'COPY'),
    )) {
      const sources = text.split(/\s+/).slice(0, -1);
      if (sources[0]?.startsWith('--from') === true) continue;
      for (const source of sources) {
        expect(sent).toContain(source);
        await stat(join(repository, source));
      }
    }
  });

  test('it sets no variable that the configuration does not know', () => {
    expect(unknown(Object.keys(image.env))).toEqual([]);
  });
});

describe('docker-compose.yml', () => {
  test.for(['OPENAI_API_KEY', 'RUNFLEET_API_KEYS'])(
    'without %s it refuses, and says what to do',
    async (name) => {
      await expect(readCompose({ ...secrets, [name]: '' })).rejects.toThrow(/put it into \.env/);
    },
  );

  test('api, runs and callbacks are one image, locked down, with time to stop', async () => {
    const { services } = await readCompose(secrets);
    for (const name of ['api', 'runs', 'callbacks']) {
      expect(services[name]).toMatchObject({
        image: 'runfleet:local',
        command: [name],
        init: true,
        restart: 'unless-stopped',
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        depends_on: { redis: { condition: 'service_healthy' } },
        environment: { ...secrets, RUNFLEET_HOST: '0.0.0.0' },
      });
      expect(seconds(services[name]?.['stop_grace_period'])).toBeGreaterThan(shutdownSeconds);
      expect(unknown(Object.keys(services[name]?.environment ?? {}))).toEqual([]);
    }
  });

  test('tools start when asked for, with a module, and know no key', async () => {
    const { services } = await readCompose(secrets);
    const { environment = {} } = services['tools'] ?? {};
    expect(services['tools']).toMatchObject({
      command: ['tools'],
      profiles: ['tools'],
      ports: [],
      read_only: true,
    });
    expect(unknown(Object.keys(environment))).toEqual([]);
    expect(Object.keys(environment)).toContain('RUNFLEET_TOOLS_MODULE');
    for (const name of Object.keys(secrets)) expect(environment).not.toHaveProperty(name);
    expect(seconds(services['tools']?.['stop_grace_period'])).toBeGreaterThan(shutdownSeconds);
  });

  test('runs can be scaled: nothing in it can be there only once', async () => {
    const { services } = await readCompose(secrets);
    expect(services['runs']).toMatchObject({ ports: [], deploy: { replicas: expect.any(Number) } });
    expect(services['runs']).not.toHaveProperty('container_name');
    expect(services['runs']).not.toHaveProperty('hostname');
  });

  test('nothing is published but on loopback, and Redis not at all', async () => {
    const { services } = await readCompose(secrets);
    for (const { ports } of Object.values(services)) {
      expect(ports).toEqual(ports.map(() => expect.stringMatching(/^127\.0\.0\.1:/)));
    }
    expect(services['redis']?.ports).toEqual([]);
  });

  test('what it mounts is there', async () => {
    const { services, volumes } = await readCompose(secrets);
    const sources = Object.values(services).flatMap((service) =>
      service.volumes.map((each) => each.split(':')[0] ?? ''),
    );
    const files = sources.filter((source) => source.startsWith('.'));
    await Promise.all(files.map((file) => stat(join(repository, file))));
    expect(sources.filter((source) => !files.includes(source)).sort()).toEqual(Object.keys(volumes).sort());
  });

  test('Prometheus looks for each service at the port that it listens on', async () => {
    const { services } = await readCompose(secrets);
    const config = await read('deploy/prometheus.yml');
    const found = [...config.matchAll(/names: \[(\w+)\]\s+type: A\s+port: (\d+)/g)];
    expect(found.map(([, name, port]) => [name, port])).toEqual([
      ['api', services['api']?.environment['RUNFLEET_PORT']],
      ['runs', services['runs']?.environment['RUNFLEET_METRICS_PORT']],
      ['callbacks', services['callbacks']?.environment['RUNFLEET_METRICS_PORT']],
      ['tools', services['tools']?.environment['RUNFLEET_METRICS_PORT']],
    ]);
  });

  test('deploy/env.example names what is needed, and nothing unknown', async () => {
    const names = [...(await read('deploy/env.example')).matchAll(/^(?:# )?(\w+)=/gm)].map(
      ([, name = '']) => name,
    );
    expect(names).toEqual(expect.arrayContaining(Object.keys(secrets)));
    expect(unknown(names)).toEqual([]);
  });
});

const redisServer = programFor('the options of Redis in docker-compose.yml', 'redis-server');
if (redisServer !== null) {
  test('Redis, started as docker-compose.yml does, writes to disk, refuses when full, and ticks fast', async () => {
    const { services } = await readCompose(secrets);
    const port = await freePort();
    const options = services['redis']?.command.slice(1) ?? [];
    const dir = await mkdtemp(join(tmpdir(), 'runfleet-compose-redis-'));
    onTestFinished(() => rm(dir, { recursive: true }));
    const here = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir];
    const server = await spawnGuarded(redisServer.file, [...options, ...here]);
    onTestFinished(() => server.end());
    const client = quiet(`redis://127.0.0.1:${port}`);
    onTestFinished(() => client.disconnect());
    const setting = async (name: string): Promise<unknown> =>
      Object.values(await client.config('GET', name))[1];
    await eventuallyPasses(() => client.ping());
    const names = ['appendonly', 'appendfsync', 'maxmemory-policy', 'hz', 'save'];
    const values = Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await setting(name)])),
    );
    expect(values).toEqual({
      appendonly: 'yes',
      appendfsync: 'everysec',
      'maxmemory-policy': 'noeviction',
      hz: '100',
      save: '',
    });
  });
}

const promtool = programFor('the form of the Prometheus files, and that the alerts fire', 'promtool');
if (promtool !== null) {
  test.for([
    ['check', 'config', 'deploy/prometheus.yml'],
    ['check', 'rules', 'deploy/alerts.yml'],
    ['test', 'rules', 'test/support/deploy/alerts-test.yml'],
  ])('promtool %s %s %s', async (args) => {
    const { stdout } = await promisify(execFile)(promtool.file, args, { cwd: repository });
    expect(stdout).toContain('SUCCESS');
  });
}

const workload = z.looseObject({
  kind: z.literal('Deployment'),
  spec: z.looseObject({
    template: z.looseObject({
      metadata: z.looseObject({ annotations: z.record(z.string(), z.string()) }),
      spec: z.looseObject({
        terminationGracePeriodSeconds: z.number(),
        enableServiceLinks: z.literal(false),
        securityContext: z.looseObject({ runAsNonRoot: z.literal(true), runAsUser: z.number() }),
        containers: z.tuple([
          z.looseObject({
            image: z.literal('runfleet'),
            args: z.tuple([z.enum(['api', 'runs', 'callbacks', 'tools'])]),
            ports: z.tuple([z.object({ name: z.string(), containerPort: z.number() })]),
            readinessProbe: z.looseObject({ httpGet: z.object({ path: z.string(), port: z.string() }) }),
            livenessProbe: z.looseObject({ httpGet: z.object({ path: z.string(), port: z.string() }) }),
            securityContext: z.looseObject({ readOnlyRootFilesystem: z.literal(true) }),
          }),
        ]),
      }),
    }),
  }),
});

describe('deploy/kubernetes', async () => {
  const folder = 'deploy/kubernetes';
  const names = (await readdir(join(repository, folder))).sort();
  const documents = (
    await Promise.all(names.map(async (name) => parseAllDocuments(await read(`${folder}/${name}`))))
  )
    .flat()
    .map((document) => z.looseObject({ kind: z.string().optional() }).parse(document.toJS()));

  test('the kustomization lists every file', async () => {
    const kustomization = await read(`${folder}/kustomization.yaml`);
    for (const name of names.filter((each) => each !== 'kustomization.yaml'))
      expect(kustomization).toContain(name);
  });

  test('all run as the image does, are probed where they listen, and get time to stop', () => {
    const deployments = documents
      .filter(({ kind }) => kind === 'Deployment')
      .map((each) => workload.parse(each));
    expect(deployments.map(({ spec }) => spec.template.spec.containers[0].args)).toEqual([
      ['api'],
      ['callbacks'],
      ['runs'],
      ['tools'],
    ]);
    for (const { spec } of deployments) {
      const { metadata, spec: pod } = spec.template;
      const [container] = pod.containers;
      const [port] = container.ports;
      expect(`${pod.securityContext.runAsUser}`).toBe(image.user.split(':')[0]);
      expect(image.exposed).toContain(port.containerPort);
      expect(metadata.annotations['prometheus.io/port']).toBe(String(port.containerPort));
      for (const probe of [container.readinessProbe, container.livenessProbe]) {
        expect(probe.httpGet.port).toBe(port.name);
        expect(['/healthz', '/readyz']).toContain(probe.httpGet.path);
      }
      const preStop = container.args[0] === 'api' ? 5 : 0;
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(shutdownSeconds + preStop);
    }
    expect(documents.filter(({ kind }) => kind === 'PodDisruptionBudget')).toHaveLength(4);
  });

  test('tools get their module, and no key of the provider', async () => {
    const text = await read(`${folder}/tools.yaml`);
    expect(text).toContain('RUNFLEET_TOOLS_MODULE, value: /app/tools/tools.ts');
    expect(text).not.toMatch(/secretRef|OPENAI_API_KEY/);
  });

  test('its ConfigMap sets nothing that the configuration does not know', () => {
    const data = documents
      .filter(({ kind }) => kind === 'ConfigMap')
      .flatMap((map) => Object.keys(map['data'] ?? {}));
    expect(data.length).toBeGreaterThan(0);
    expect(unknown(data)).toEqual([]);
  });
});

function unknown(names: readonly string[]): string[] {
  return names.filter((name) => !(name in variables) && name !== 'NODE_ENV');
}

function seconds(text: unknown): number {
  return Number(/^(\d+)s$/.exec(String(text))?.[1]);
}

async function read(path: string): Promise<string> {
  return await readFile(join(repository, path), 'utf8');
}
