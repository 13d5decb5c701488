import { type BackoffOptions, defaultBackoff } from '../domain/poll-schedule.ts';
import {
  type AccountConfig,
  AccountReader,
  type PoolConfig,
  type Problem,
  problemsOf,
  type QuotaConfig,
  quotaOf,
  type ReadFile,
} from './accounts.ts';
import { environmentSchema, variables } from './schema.ts';

export { accountPrefix, accountVariables } from './account-schema.ts';
export {
  type AccountConfig,
  defaultAccountName,
  type PoolConfig,
  prefixOf,
  type ReadFile,
} from './accounts.ts';
export { variables } from './schema.ts';
export { webhookSecretForm } from './values.ts';

export interface Config {
  /** Null: one of our own is started, where the process stands alone. */
  readonly redisUrl: string | null;
  /** The first is the default one. Empty: none is configured. */
  readonly accounts: readonly AccountConfig[];
  readonly pools: readonly PoolConfig[];
  readonly host: string;
  readonly port: number;
  readonly metricsPort: number;
  readonly apiKeys: ReturnType<typeof environmentSchema.parse>['RUNFLEET_API_KEYS'];
  /** Of accounts that set none of their own. */
  readonly quota: QuotaConfig;
  readonly concurrency: number;
  /** Held streams at a time in a worker. */
  readonly streams: number;
  /** One that says nothing for so long is broken. */
  readonly streamIdleMs: number;
  readonly pollPolicy: 'learned' | 'backoff';
  /** The delay that one look is worth. */
  readonly pollCostMs: number;
  readonly backoff: BackoffOptions;
  readonly deadlineSeconds: number;
  /** Infinity for none. */
  readonly backlogLimit: number;
  readonly keepResultsSeconds: number;
  /** Infinity for any number. */
  readonly keepResults: number;
  readonly callbacks: CallbackConfig;
  readonly tools: ToolsConfig;
  readonly prefix: string;
  readonly logLevel: string;
}

export interface ToolsConfig {
  /** Null: this process can serve none. */
  readonly module: string | null;
  readonly concurrency: number;
  readonly maxOutputBytes: number;
  /** How long a URL may take to answer a call. */
  readonly httpTimeoutSeconds: number;
}

export interface CallbackConfig {
  /** Each makes a signature. Empty: runs with a callback are refused. */
  readonly secrets: readonly string[];
  /** Hosts and addresses that may be called though they are not public. */
  readonly allow: readonly string[];
  readonly concurrency: number;
}

/** One or more variables are wrong. The message lists all of them, and never a value: it may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the environment, and with `readFile` the files that it names. Empty variables count as unset.
 * Throws a `ConfigError` that lists all that is wrong.
 */
export function loadConfig(env: Env, readFile: ReadFile = noFiles): Config {
  const given = Object.fromEntries(Object.keys(variables).map((name) => [name, env[name] || undefined]));
  const parsed = environmentSchema.safeParse(given);
  const wrong = parsed.success ? [] : problemsOf(parsed.error);
  // With defaults for what is wrong, so that what is wrong with the accounts is told at once.
  const data = parsed.success ? parsed.data : environmentSchema.parse(without(given, wrong));
  const reader = new AccountReader(env, readFile);
  const accounts = reader.read(data);
  const pools = reader.pools(data);
  const problems = [...wrong, ...reader.problems];
  if (problems.length > 0) {
    const lines = problems.map(({ variable, message }) => `  ${variable}: ${message}`);
    throw new ConfigError(`The environment is wrong:\n${lines.join('\n')}\nSee docs/configuration.md.`);
  }
  return {
    redisUrl: data.REDIS_URL ?? null,
    accounts,
    pools,
    host: data.RUNFLEET_HOST,
    port: data.RUNFLEET_PORT,
    metricsPort: data.RUNFLEET_METRICS_PORT,
    apiKeys: data.RUNFLEET_API_KEYS,
    quota: quotaOf(data),
    concurrency: data.RUNFLEET_CONCURRENCY,
    streams: data.RUNFLEET_STREAMS,
    streamIdleMs: data.RUNFLEET_STREAM_IDLE_SECONDS * 1000,
    pollPolicy: data.RUNFLEET_POLL_POLICY,
    pollCostMs: data.RUNFLEET_POLL_COST_SECONDS * 1000,
    backoff: {
      ...defaultBackoff,
      initialMs: data.RUNFLEET_BACKOFF_INITIAL_MS,
      factor: data.RUNFLEET_BACKOFF_FACTOR,
      maxMs: data.RUNFLEET_BACKOFF_MAX_MS,
      jitter: data.RUNFLEET_BACKOFF_JITTER,
    },
    deadlineSeconds: data.RUNFLEET_DEADLINE_SECONDS,
    backlogLimit: data.RUNFLEET_BACKLOG_LIMIT === 0 ? Infinity : data.RUNFLEET_BACKLOG_LIMIT,
    keepResultsSeconds: data.RUNFLEET_KEEP_RESULTS_SECONDS,
    keepResults: data.RUNFLEET_KEEP_RESULTS === 0 ? Infinity : data.RUNFLEET_KEEP_RESULTS,
    callbacks: {
      secrets: data.RUNFLEET_CALLBACK_SECRET,
      allow: data.RUNFLEET_CALLBACK_ALLOW,
      concurrency: data.RUNFLEET_CALLBACK_CONCURRENCY,
    },
    tools: {
      module: data.RUNFLEET_TOOLS_MODULE ?? null,
      concurrency: data.RUNFLEET_TOOLS_CONCURRENCY,
      maxOutputBytes: data.RUNFLEET_TOOLS_MAX_OUTPUT_BYTES,
      httpTimeoutSeconds: data.RUNFLEET_TOOLS_HTTP_TIMEOUT_SECONDS,
    },
    prefix: data.RUNFLEET_PREFIX,
    logLevel: data.RUNFLEET_LOG_LEVEL,
  };
}

function without(given: Env, wrong: readonly Problem[]): Env {
  const names = new Set(wrong.map(({ variable }) => variable));
  return Object.fromEntries(Object.entries(given).filter(([name]) => !names.has(name)));
}

function noFiles(): never {
  throw new Error('Files cannot be read here.');
}

/** The environment of this process: the one place that reads it. */
export function processEnvironment(): Env {
  // oxlint-disable-next-line node/no-process-env
  return process.env;
}

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** For processes with an API: without keys it may be reached from this machine alone. Throws `ConfigError`. */
export function refuseOpenListener({ host, apiKeys }: Config): void {
  if (apiKeys.length > 0 || loopback.test(host)) return;
  throw new ConfigError(
    `RUNFLEET_HOST is ${host}, but RUNFLEET_API_KEYS is not set: anybody could send runs on your account.\n` +
      'Set RUNFLEET_API_KEYS=name:key, or listen on 127.0.0.1.',
  );
}
