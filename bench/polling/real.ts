/**
 * The same draws once in virtual time and once for real: processes of the fleet, Redis, and an HTTP server that counts.
 * What the benchmark says holds only as far as the two agree.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { RunfleetClient, type RunView } from '../../src/client/index.ts';
import { processEnvironment } from '../../src/config/index.ts';
import { provideRedis } from '../../src/runtime/redis-server.ts';
import { type Simulator, startSimulator } from '../../src/simulator/index.ts';
import { type DrawnRun, drawRuns } from './draws.ts';
import { simulate } from './open-world.ts';
import { backoff, LearnedPolicy, type Policy } from './policies.ts';
import { mean } from './score.ts';
import { UsageError, type World } from './world.ts';
import { namedWorlds } from './worlds.ts';

export interface Figures {
  readonly looks: number;
  readonly meanDelay: number;
}

export interface RealComparison {
  readonly policy: 'learned' | 'backoff';
  readonly virtual: Figures;
  readonly real: Figures;
}

const webhookSecret = `whsec_${Buffer.from('the secret of the benchmark, 32b').toString('base64')}`;
const workers = 2;
const inFlight = 40;

/** The real runs take as long as they say: of the world of 4 s, 400 take about a minute, for each policy. */
export async function compareReal(
  seed: number,
  runs: number,
  world: World | undefined = namedWorlds[0],
): Promise<RealComparison[]> {
  if (world === undefined) throw new Error('There is no world to run.');
  if (world.budget !== undefined) throw new UsageError('--real takes a world without a budget.');
  const costMs = world.cost * 1000;
  const told = world.webhooks !== undefined;
  const draws = drawRuns({ ...world, inFlight }, seed, runs);
  const policies: readonly (readonly ['learned' | 'backoff', Policy])[] = [
    ['learned', new LearnedPolicy('learned', told)],
    ['backoff', backoff()],
  ];
  const compared: RealComparison[] = [];
  for (const [policy, model] of policies) {
    const found = simulate(draws, model, costMs);
    const virtual = {
      looks: mean(found.map((one) => one.looks)),
      meanDelay: mean(found.map((one) => one.delayMs)) / 1000,
    };
    compared.push({ policy, virtual, real: await runForReal(policy, draws, costMs, told) });
  }
  return compared;
}

async function runForReal(
  policy: string,
  draws: readonly DrawnRun[],
  costMs: number,
  told: boolean,
): Promise<Figures> {
  const own = processEnvironment();
  await using simulator = await startSimulator();
  const redis = await provideRedis(own['REDIS_URL'] ?? null, own['PATH'] ?? '');
  const env = {
    PATH: own['PATH'],
    REDIS_URL: redis.url,
    OPENAI_API_KEY: 'simulated',
    OPENAI_BASE_URL: simulator.baseUrl,
    RUNFLEET_PORT: '0',
    RUNFLEET_LOG_LEVEL: 'error',
    RUNFLEET_PREFIX: `{bench-${policy}-${Date.now()}}`,
    RUNFLEET_POLL_POLICY: policy,
    RUNFLEET_POLL_COST_SECONDS: String(costMs / 1000),
    ...(told ? { OPENAI_WEBHOOK_SECRET: webhookSecret } : {}),
  };
  const processes: ChildProcess[] = [];
  try {
    for (let n = 0; n < workers; n += 1) processes.push((await startRole('runs', env, /ready/)).child);
    const api = await startRole('api', env, /API: (\S+)/);
    processes.push(api.child);
    if (told) {
      simulator.configure({
        webhooks: { url: `${api.match}/v1/webhooks/openai`, secret: webhookSecret },
      });
    }
    return await carry(new RunfleetClient({ baseUrl: api.match }), simulator, draws);
  } finally {
    await Promise.all(processes.map((child) => stop(child)));
    await redis.stop();
  }
}

function fateOf({ durationMs, webhookAfterMs }: DrawnRun): Record<string, string> {
  return {
    sim_duration_ms: String(Math.round(durationMs)),
    sim_queue_ms: '0',
    sim_webhook_ms: webhookAfterMs === null ? 'never' : String(Math.round(webhookAfterMs)),
  };
}

/** Sends each run when its time has come, and measures by the simulator's own ledger. */
async function carry(
  client: RunfleetClient,
  simulator: Simulator,
  draws: readonly DrawnRun[],
): Promise<Figures> {
  const startMs = performance.now();
  const views = await Promise.all(
    draws.map(async (drawn): Promise<RunView> => {
      await sleep(Math.max(0, startMs + drawn.startMs - performance.now()));
      const request = { model: 'bench', input: 'x', metadata: fateOf(drawn) };
      const label = drawn.classKey.replaceAll(/[^\w.:-]/g, '-');
      const { id } = await client.runs.create({ request, label, deadline_seconds: 86_400 });
      return await client.runs.wait(id);
    }),
  );
  const ledger = simulator.ledger({ runs: true });
  const endOf = new Map(ledger.runs?.map(({ id, endedAtMs }) => [id, endedAtMs]));
  const delaysMs = views.map(({ detected_at: detectedAt, provider_run_id: id }) => {
    const seenMs = Date.parse(detectedAt ?? '');
    return seenMs - (endOf.get(id ?? '') ?? Number.NaN);
  });
  return { looks: (ledger.callsTotal - views.length) / views.length, meanDelay: mean(delaysMs) / 1000 };
}

async function startRole(
  role: string,
  env: NodeJS.ProcessEnv,
  ready: RegExp,
): Promise<{ readonly child: ChildProcess; readonly match: string }> {
  const child = spawn(process.execPath, ['bin/runfleet.js', role], {
    env,
    cwd: new URL('../../', import.meta.url),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const match = ready.exec(line);
    if (match === null) continue;
    // Nobody reads on, and a full pipe would stop it.
    child.stdout.resume();
    return { child, match: match[1] ?? '' };
  }
  throw new Error(`"runfleet ${role}" ended before it was ready.`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
