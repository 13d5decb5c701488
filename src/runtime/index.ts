import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { loadConfig, refuseOpenListener } from '../config/index.ts';
import { createMetrics } from '../adapters/metrics/metrics.ts';
import { keyRing } from '../http/auth/key-ring.ts';
import { startCallbacks } from './callbacks.ts';
import { Closers } from './closers.ts';
import { type FleetContext, startApi, startRuns } from './fleet.ts';
import type { ConnectionContext, KeptConfig } from './connections.ts';
import { createLogger } from './logger.ts';
import { keepHeapSmall } from './memory.ts';
import { provideRedis } from './redis-server.ts';
import { type SimulatedAccount, simulatedAccount, tellOfRuns } from './simulated.ts';
import { StartError } from './start-error.ts';
import { loadTools, startTools, type ToolSet } from './tools.ts';
import { startWorkerOps } from './worker-ops.ts';

export type Role = 'api' | 'runs' | 'tools' | 'callbacks' | 'all';

type Print = (line: string) => void;

export interface StartOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts a start that cannot come to its end, such as one that waits for Redis. */
  readonly signal?: AbortSignal;
  /** Where lines for people go; logs go to stderr as JSON. Default: standard output. */
  readonly print?: Print;
}

export interface RunningProcess {
  /** Null where the role has no such page. */
  readonly urls: {
    readonly api: string | null;
    readonly metrics: string | null;
    readonly simulator: string | null;
  };
  readonly redisUrl: string;
  /** Stops claiming, finishes what is in hand, closes everything. Takes 25 s at most. */
  stop(): Promise<void>;
}

const shutdownDeadlineMs = 24_000;
const exitGraceMs = 500;

/** Starts one process of the fleet. Throws `ConfigError` or `StartError` when it cannot be started as configured. */
export async function start(role: Role, options: StartOptions): Promise<RunningProcess> {
  const loaded = loadConfig(options.env, (path) => readFileSync(path, 'utf8'));
  if (role === 'api' || role === 'all') refuseOpenListener(loaded);
  const { apiKeys, ...config } = loaded;
  const keys = keyRing(apiKeys);
  refuseLonely(role, config);
  const print = options.print ?? ((line: string) => process.stdout.write(`${line}\n`));
  const logger = createLogger(config.logLevel);
  const closers = new Closers((name, error) =>
    logger.error({ err: error, name }, 'could not be closed in time'),
  );
  try {
    return await orAbort(
      open(role, { config, keys, logger, closers }, { ...options, print }),
      options.signal,
    );
  } catch (error) {
    await closers.closeAll(shutdownDeadlineMs);
    throw error;
  }
}

async function open(
  role: Role,
  given: Pick<ConnectionContext, 'config' | 'keys' | 'logger' | 'closers'>,
  { env, print }: StartOptions & { readonly print: Print },
): Promise<RunningProcess> {
  const { config, closers } = given;
  // First of all: a wrong module is found out before anything is opened.
  const tools = role === 'tools' || role === 'all' ? await loadTools(config) : null;
  const redis = await provideRedis(config.redisUrl, env['PATH'] ?? '');
  closers.add('Redis server', () => redis.stop());
  print(redis.description);
  const shared: ConnectionContext = { ...given, redisUrl: redis.url, slowRedis: redis.slow };
  const urls =
    role === 'tools' || role === 'callbacks'
      ? await openHelper(role, shared, tools, print)
      : await openRuns(role, shared, tools, print);
  return { urls, redisUrl: redis.url, stop: () => closers.closeAll(shutdownDeadlineMs) };
}

/** A process that makes no calls to a provider. */
async function openHelper(
  role: 'tools' | 'callbacks',
  context: ConnectionContext,
  tools: ToolSet | null,
  print: Print,
): Promise<RunningProcess['urls']> {
  const metrics = createMetrics();
  if (role === 'tools') await startTools(context, tools ?? new Map(), metrics);
  else await startCallbacks(context, metrics);
  const ops = await startWorkerOps(context, metrics, []);
  if (ops !== null) print(`Worker metrics: ${ops}/metrics`);
  return { api: null, metrics: ops, simulator: null };
}

async function openRuns(
  role: 'api' | 'runs' | 'all',
  shared: ConnectionContext,
  tools: ToolSet | null,
  print: Print,
): Promise<RunningProcess['urls']> {
  const { accounts, simulated } = await provideAccounts(shared.config, shared.closers, print);
  const context: FleetContext = { ...shared, accounts };
  const metrics = createMetrics();
  const checks = role === 'api' ? [] : await startRuns(context, metrics);
  const api = role === 'runs' ? null : await startApi(context);
  if (tools !== null) await startTools(context, tools, metrics);
  // Where everything runs in one process, callbacks that are not set up are no reason not to start.
  if (role === 'all' && shared.config.callbacks.secrets.length > 0) await startCallbacks(shared, metrics);
  const ops = role === 'api' ? null : await startWorkerOps(shared, metrics, checks);
  if (api !== null) print(`API: ${api}   docs: ${api}/docs   board: ${api}/board   metrics: ${api}/metrics`);
  if (ops !== null) print(`Worker metrics: ${ops}/metrics`);
  if (api !== null && simulated !== null) tellOfRuns(simulated, api);
  return { api, metrics: ops, simulator: simulated?.simulator.baseUrl ?? null };
}

async function orAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  // What still comes of a start that was given up interests nobody.
  work.catch(() => {});
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Runs one process until SIGTERM or SIGINT, then stops it in order. A second signal ends it at once. */
export async function startProcess(role: Role, options: StartOptions): Promise<void> {
  keepHeapSmall();
  const stopping = new AbortController();
  const onSignal = (): void => {
    if (stopping.signal.aborted) process.exit(1);
    stopping.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  const print = options.print ?? ((line: string) => process.stdout.write(`${line}\n`));
  try {
    const running = await start(role, { ...options, signal: stopping.signal });
    print(`runfleet ${role}: ready`);
    if (!stopping.signal.aborted) await once(stopping.signal, 'abort');
    print('Stopping: the steps in hand are finished first.');
    await running.stop();
  } catch (error) {
    // Told to stop before it was ready.
    if (!stopping.signal.aborted) throw error;
  } finally {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
  }
  // Everything has had its time; a call that still hangs must not keep the process.
  setTimeout(() => process.exit(), exitGraceMs).unref();
}

/** Processes of a fleet share one Redis and one account; neither can be made up for one of them alone. */
function refuseLonely(role: Role, config: KeptConfig): void {
  if (role === 'all') return;
  const missing = [
    config.redisUrl === null ? '  REDIS_URL: the Redis that the processes of the fleet share' : null,
    config.accounts.length === 0 && role !== 'tools' && role !== 'callbacks'
      ? '  OPENAI_API_KEY (or OPENAI_BASE_URL, for a server that needs no key; or RUNFLEET_ACCOUNTS)'
      : null,
    config.tools.module === null && role === 'tools'
      ? '  RUNFLEET_TOOLS_MODULE: the module of functions to serve (docs/tools.md)'
      : null,
    config.callbacks.secrets.length === 0 && role === 'callbacks'
      ? '  RUNFLEET_CALLBACK_SECRET: callbacks are signed (make one: echo "whsec_$(openssl rand -base64 32)")'
      : null,
  ].filter((line) => line !== null);
  if (missing.length === 0) return;
  const advice = `To try runfleet without them, run "npx runfleet all": it brings its own.`;
  throw new StartError(`"runfleet ${role}" needs:\n${missing.join('\n')}\n${advice}`);
}

interface ProvidedAccounts {
  readonly accounts: FleetContext['accounts'];
  /** Null: the accounts are those of the configuration. */
  readonly simulated: SimulatedAccount | null;
}

async function provideAccounts(
  config: KeptConfig,
  closers: Closers,
  print: Print,
): Promise<ProvidedAccounts> {
  const [first, ...others] = config.accounts;
  if (first !== undefined) return { accounts: [first, ...others], simulated: null };
  const simulated = await simulatedAccount(config, closers);
  const url = simulated.simulator.baseUrl;
  print(
    `NO REAL OPENAI: neither OPENAI_API_KEY nor OPENAI_BASE_URL is set, so the simulator answers (${url}).`,
  );
  return { accounts: [simulated.account], simulated };
}
