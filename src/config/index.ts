import type { CallClass } from '../domain/limiter/classes.ts';
import { type BackoffOptions, defaultBackoff } from '../domain/poll-schedule.ts';
import { environmentSchema, variables } from './schema.ts';

export { variables, webhookSecretForm } from './schema.ts';

export interface Config {
  /** Null: one of our own is started, where the process stands alone. */
  readonly redisUrl: string | null;
  /** The first is the default one. Empty: none is configured. */
  readonly accounts: readonly AccountConfig[];
  readonly host: string;
  readonly port: number;
  readonly metricsPort: number;
  readonly apiKeys: ReturnType<typeof environmentSchema.parse>['RUNFLEET_API_KEYS'];
  /** Of accounts that set none of their own. */
  readonly quota: QuotaConfig;
  readonly concurrency: number;
  readonly pollPolicy: 'learned' | 'backoff';
  /** The delay that one look is worth. */
  readonly pollCostMs: number;
  readonly backoff: BackoffOptions;
  readonly deadlineSeconds: number;
  /** Infinity for none. */
  readonly backlogLimit: number;
  readonly keepResultsSeconds: number;
  readonly tools: ToolsConfig;
  readonly prefix: string;
  readonly logLevel: string;
}

/** One credential at one server, with the limits that it has there. */
export interface AccountConfig {
  readonly name: string;
  readonly apiKey: string;
  /** Null: OpenAI's own. */
  readonly baseUrl: string | null;
  readonly quota: QuotaConfig;
  /** `whsec_…`; several while one is rotated, none where webhooks are not used. */
  readonly webhookSecrets: readonly string[];
}

/** The name of the account that `OPENAI_API_KEY` and `OPENAI_BASE_URL` make. */
export const defaultAccountName = 'default';

export interface ToolsConfig {
  /** Null: this process can serve none. */
  readonly module: string | null;
  readonly concurrency: number;
  readonly maxOutputBytes: number;
}

/** A minute's worth. Null: learnt from the provider; 0: no limit. */
export interface QuotaConfig {
  readonly requests: number | null;
  readonly tokens: number | null;
  /** Quotas of their own. */
  readonly classRequests: Partial<Readonly<Record<CallClass, number>>>;
  readonly looksAreFree: boolean;
  readonly jitterMs: number;
}

/** One or more variables are wrong. The message lists all of them, and never a value: it may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

type Env = Readonly<Record<string, string | undefined>>;

/** Reads the environment. Empty variables count as unset. Throws `ConfigError`. */
export function loadConfig(env: Env): Config {
  const given = Object.fromEntries(Object.keys(variables).map((name) => [name, env[name] || undefined]));
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(
      ({ path, message }) => `  ${path[0]?.toString() ?? ''}: ${message}`,
    );
    throw new ConfigError(`The environment is wrong:\n${lines.join('\n')}\nSee docs/configuration.md.`);
  }
  const { data } = parsed;
  return {
    redisUrl: data.REDIS_URL ?? null,
    accounts: defaultAccount(data),
    host: data.RUNFLEET_HOST,
    port: data.RUNFLEET_PORT,
    metricsPort: data.RUNFLEET_METRICS_PORT,
    apiKeys: data.RUNFLEET_API_KEYS,
    quota: quotaOf(data),
    concurrency: data.RUNFLEET_CONCURRENCY,
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
    tools: {
      module: data.RUNFLEET_TOOLS_MODULE ?? null,
      concurrency: data.RUNFLEET_TOOLS_CONCURRENCY,
      maxOutputBytes: data.RUNFLEET_TOOLS_MAX_OUTPUT_BYTES,
    },
    prefix: data.RUNFLEET_PREFIX,
    logLevel: data.RUNFLEET_LOG_LEVEL,
  };
}

/** The environment of this process: the one place that reads it. */
export function processEnvironment(): Env {
  // oxlint-disable-next-line node/no-process-env
  return process.env;
}

type Environment = ReturnType<typeof environmentSchema.parse>;

function defaultAccount(data: Environment): AccountConfig[] {
  const { OPENAI_API_KEY: apiKey, OPENAI_BASE_URL: baseUrl, OPENAI_WEBHOOK_SECRET: webhookSecrets } = data;
  if (apiKey === undefined && baseUrl === undefined) return [];
  return [
    {
      name: defaultAccountName,
      // Many compatible servers ask for no key, but the SDK does.
      apiKey: apiKey ?? 'none',
      baseUrl: baseUrl ?? null,
      quota: quotaOf(data),
      webhookSecrets,
    },
  ];
}

function quotaOf(data: Environment): QuotaConfig {
  return {
    requests: data.RUNFLEET_RPM ?? null,
    tokens: data.RUNFLEET_TPM ?? null,
    classRequests: withoutUndefined({
      create: data.RUNFLEET_RPM_CREATE,
      look: data.RUNFLEET_RPM_LOOK,
      submit: data.RUNFLEET_RPM_SUBMIT,
      cancel: data.RUNFLEET_RPM_CANCEL,
      other: data.RUNFLEET_RPM_OTHER,
    }),
    looksAreFree: data.RUNFLEET_LOOKS_ARE_FREE === 'true',
    jitterMs: data.RUNFLEET_RATE_JITTER_MS,
  };
}

function withoutUndefined(
  given: Readonly<Record<CallClass, number | undefined>>,
): Partial<Record<CallClass, number>> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
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
