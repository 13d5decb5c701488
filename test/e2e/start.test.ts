/** How processes start, how they refuse to, and what is left when they are gone. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { RunfleetClient } from '../../src/client/index.ts';
import { freePort } from '../../src/runtime/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { anAssistantsRun, aResponse } from '../support/fleet.ts';
import { type Env, type Lifetime, runfleet, RunfleetProcess } from '../support/processes.ts';
import { redisBinary } from '../support/redis-server.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const key = 'sk-secret-openai-0123456789';
const noPrograms = { PATH: '/nonexistent' };
const roles = ['api', 'runs'] as const;

/** Ends with 1, without having listened or printed anything but the reason. */
async function refusal(test: Lifetime, role: string, env: Env): Promise<string> {
  const { code, stdout, stderr } = await runfleet(test, [role], env);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).not.toContain('    at ');
  expect(stderr).not.toContain(key);
  return stderr;
}

describe.concurrent('a process refuses to start', () => {
  it.for(roles)('%s without Redis and without a provider, and says what both are', async (role, test) => {
    const reason = await refusal(test, role, {});
    expect(reason).toMatch(/REDIS_URL/);
    expect(reason).toMatch(/OPENAI_API_KEY/);
    expect(reason).toMatch(/runfleet all/);
  });

  it.for(roles)('%s without Redis alone', async (role, test) => {
    const reason = await refusal(test, role, { OPENAI_API_KEY: key });
    expect(reason).toMatch(/REDIS_URL/);
    expect(reason).not.toMatch(/OPENAI_API_KEY/);
  });

  it.for(roles)('%s without a provider alone', async (role, test) => {
    const reason = await refusal(test, role, { REDIS_URL: redis.url });
    expect(reason).toMatch(/OPENAI_API_KEY/);
    expect(reason).not.toMatch(/REDIS_URL/);
  });

  it.for(['0.0.0.0', '::', '192.0.2.1'])(
    'an API that would listen on %s for everybody',
    async (host, test) => {
      const env = { REDIS_URL: redis.url, OPENAI_API_KEY: key, RUNFLEET_HOST: host };
      const reason = await refusal(test, 'api', env);
      expect(reason).toContain(`RUNFLEET_HOST is ${host}`);
      expect(reason).toMatch(/RUNFLEET_API_KEYS/);
    },
  );

  it('with every wrong variable named at once, and no value', async (test) => {
    const wrong = {
      REDIS_URL: redis.url,
      OPENAI_BASE_URL: 'ftp://wrong-value-1',
      RUNFLEET_PORT: 'wrong-value-2',
      RUNFLEET_METRICS_PORT: '70000',
      RUNFLEET_API_KEYS: 'wrong-value-3',
      RUNFLEET_CONCURRENCY: '0',
      RUNFLEET_BACKOFF_INITIAL_MS: '-1',
      RUNFLEET_BACKOFF_FACTOR: '0.5',
      RUNFLEET_BACKOFF_MAX_MS: 'wrong-value-4',
      RUNFLEET_DEADLINE_SECONDS: 'NaN',
      RUNFLEET_KEEP_RESULTS_SECONDS: '1.5',
      RUNFLEET_PREFIX: 'no-braces',
      RUNFLEET_LOG_LEVEL: 'loud',
    };
    const reason = await refusal(test, 'runs', wrong);
    for (const name of Object.keys(wrong).filter((each) => each !== 'REDIS_URL'))
      expect(reason).toContain(`${name}:`);
    expect(reason).not.toMatch(/wrong-value/);
  });

  it('for a REDIS_URL that cannot be read, without its password', async (test) => {
    for (const url of ['http://user:hidden-word@host', 'redis://:hidden-word@a,b']) {
      const { code, stdout, stderr } = await runfleet(test, ['runs'], {
        REDIS_URL: url,
        OPENAI_API_KEY: key,
      });
      expect(code).toBe(1);
      expect(stderr).toMatch(/REDIS_URL/);
      expect(stdout + stderr).not.toContain('hidden-word');
    }
  });

  it('on a port that is taken', async (test) => {
    const env = {
      REDIS_URL: redis.url,
      RUNFLEET_PREFIX: redis.prefix(),
      OPENAI_API_KEY: key,
      RUNFLEET_PORT: '0',
    };
    const first = await RunfleetProcess.start(test, ['api'], env);
    const taken = new URL(first.apiUrl).port;
    const { code, stderr } = await runfleet(test, ['api'], { ...env, RUNFLEET_PORT: taken });
    expect(code).toBe(1);
    expect(stderr).toMatch(/EADDRINUSE/);
    expect(stderr).toContain(taken);
  });
});

describe.concurrent('a process whose Redis is not there yet', () => {
  it.for(roles)('%s waits for it, and ends when it is told to', async (role, test) => {
    const env = {
      REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
      OPENAI_API_KEY: key,
      RUNFLEET_PORT: '0',
    };
    const started = RunfleetProcess.spawn(test, [role], env);
    await eventually(
      'word of the missing Redis',
      () => started.stderr,
      (text) => text.includes('ECONNREFUSED'),
    );
    started.signal('SIGTERM');
    const left = await eventually(
      'its end',
      () => started.running,
      (running) => !running,
      { withinMs: 25_000 },
    );
    expect(left).toBe(false);
    expect(await started.exited).toMatchObject({ signal: null });
  });
});

describe.concurrent('everything in one process', () => {
  it('needs nothing at all: 20 runs on the embedded Redis and the simulator', async (test) => {
    const all = await RunfleetProcess.start(test, ['all'], { ...noPrograms, RUNFLEET_PORT: '0' });
    expect(all.stdout).toMatch(/Redis: embedded/);
    expect(all.stdout).toMatch(/NO REAL OPENAI/);
    const client = new RunfleetClient({ baseUrl: all.apiUrl });
    const fates = ['completed', 'failed', 'incomplete', 'cancelled'] as const;
    const inputs = Array.from({ length: 20 }, (_, n) =>
      (n % 2 === 0 ? aResponse : anAssistantsRun)({ duration_ms: n * 100, ending: fates[n % 4] ?? '' }),
    );
    const accepted = await client.runs.createMany(inputs);
    const ended = await Promise.all(accepted.map(({ run }) => client.runs.wait(run?.id ?? '')));
    expect(ended.map(({ status }) => status)).toEqual(inputs.map((_, n) => fates[n % 4]));
    const address = /Redis: embedded.*redis:\/\/127\.0\.0\.1:(\d+)/.exec(all.stdout)?.[1];
    all.signal('SIGTERM');
    expect(await all.exited).toEqual({ code: 0, signal: null });
    await nobodyListens(Number(address));
  });

  it.for(['SIGTERM', 'SIGKILL'] as const)('takes its Redis with it on %s', async (signal, test) => {
    for (const env of [noPrograms, ...(redisBinary === null ? [] : [{}])]) {
      const all = await RunfleetProcess.start(test, ['all'], { ...env, RUNFLEET_PORT: '0' });
      const port = Number(/redis:\/\/127\.0\.0\.1:(\d+)/.exec(all.stdout)?.[1]);
      all.signal(signal);
      const { code } = await all.exited;
      expect(code).toBe(signal === 'SIGKILL' ? null : 0);
      await nobodyListens(port);
    }
  });
});

async function nobodyListens(port: number): Promise<void> {
  await eventually(
    `nobody to listen on port ${port}`,
    async () => {
      const socket = connect(port, '127.0.0.1');
      try {
        await once(socket, 'connect');
        return 'somebody';
      } catch {
        return 'nobody';
      } finally {
        socket.destroy();
      }
    },
    (who) => who === 'nobody',
  );
}
