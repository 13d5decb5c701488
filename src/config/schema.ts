import * as z from 'zod';
import { allowList, baseUrl, names, number, pools, quota, webhookSecrets } from './values.ts';

const port = z.number().int().min(0).max(65_535);

const apiKeyScopes = ['enqueue', 'read', 'admin'] as const;
type ApiKeyScope = (typeof apiKeyScopes)[number];

/** The only key is the operator's own. */
const defaultScopes = (keys: number): ApiKeyScope[] => (keys === 1 ? ['admin'] : ['enqueue', 'read']);

/** `name:key,…` or `name/scope+scope:key,…`. Names become owners of runs, so they stay short and plain. */
const apiKeys = z
  .string()
  .transform((text) => text.split(',').map((entry) => entry.trim()))
  .pipe(
    z.array(
      z
        .string()
        .regex(
          /^[\w.-]{1,64}(?:\/(?:enqueue|read|admin)(?:\+(?:enqueue|read|admin))*)?:[^\s,]+$/,
          'must be name:key or name/scopes:key, scopes being enqueue, read, admin, joined by +',
        )
        .transform((entry) => {
          const colon = entry.indexOf(':');
          const [name = '', given] = entry.slice(0, colon).split('/');
          return {
            name,
            key: entry.slice(colon + 1),
            scopes:
              given === undefined
                ? undefined
                : apiKeyScopes.filter((scope) => given.split('+').includes(scope)),
          };
        }),
    ),
  )
  .transform((keys) => keys.map((key) => ({ ...key, scopes: key.scopes ?? defaultScopes(keys.length) })))
  .refine((keys) => new Set(keys.map(({ name }) => name)).size === keys.length, 'has two keys of one name');

/** The environment, one entry a variable. Order is the order of the documentation. */
export const variables = {
  REDIS_URL: z
    .string()
    .optional()
    .describe(
      'Where Redis is: `redis://host:6379`, `rediss://…` (TLS), `redis+sentinel://host:26379,…/master-name`, ' +
        '`redis+cluster://host:6379,…`. Unset: a `redis-server` or `valkey-server` found on the PATH, else the embedded one; ' +
        'both forget everything when they stop, and neither can be shared between processes.',
    ),
  OPENAI_API_KEY: z.string().min(1).optional().describe('The credential of the provider.'),
  OPENAI_API_KEY_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('A file that holds it, such as a mounted secret; instead of OPENAI_API_KEY.'),
  OPENAI_BASE_URL: baseUrl.describe(
    'The provider’s API, such as `https://api.openai.com/v1` (the default) or any compatible server.',
  ),
  OPENAI_WEBHOOK_SECRET: webhookSecrets.describe(
    'The secret of the webhook that OpenAI sends to `/v1/webhooks/openai`: `whsec_…`; two, separated by a comma, ' +
      'while it is rotated. Unset: every webhook is refused, and ends are found by looking alone.',
  ),
  RUNFLEET_ACCOUNTS: names.describe(
    'Names of accounts besides the one above (which is `default`), such as `eu,batch`; each is set by the variables ' +
      'under Accounts. Without OPENAI_API_KEY and OPENAI_BASE_URL the first one named is the default account.',
  ),
  RUNFLEET_POOLS: pools.describe(
    'Names for several accounts, such as `cheap=eu+batch,any=default+eu+batch`: a run that names a pool goes to the ' +
      'account with most left of its quota.',
  ),
  RUNFLEET_HOST: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('The address that the API, and a worker’s metrics, listen on.'),
  RUNFLEET_PORT: number(port).default(3000).describe('The port of the API; 0 takes a free one.'),
  RUNFLEET_METRICS_PORT: number(port)
    .default(0)
    .describe('The port on which a worker offers `/metrics`, `/healthz` and `/readyz`; 0 = off.'),
  RUNFLEET_API_KEYS: apiKeys
    .default([])
    .describe(
      '`name:key,…`: who may use the API. Without it the API binds to loopback only and refuses any other address. ' +
        '`name/scopes:key` gives scopes, joined by `+`: `enqueue` (send, cancel, redrive), `read`, `admin` (everything, ' +
        'everybody’s runs, the board). Without scopes a key has `enqueue+read` and sees its own runs only; if it is the ' +
        'only key, it has `admin`.',
    ),
  RUNFLEET_RPM: quota.describe(
    'Calls a minute that the account allows, over all processes of the fleet; never exceeded. 0 = no limit; unset: ' +
      'learnt from the provider’s headers and 429s.',
  ),
  RUNFLEET_TPM: quota.describe('Tokens a minute, likewise: reserved at each create, settled by the usage.'),
  RUNFLEET_RPM_CREATE: quota.describe(
    'For providers that count creates apart; they then do not count in RUNFLEET_RPM.',
  ),
  RUNFLEET_RPM_LOOK: quota.describe('The same for looks.'),
  RUNFLEET_RPM_SUBMIT: quota.describe('The same for tool outputs.'),
  RUNFLEET_RPM_CANCEL: quota.describe('The same for cancels.'),
  RUNFLEET_RPM_OTHER: quota.describe('The same for lists.'),
  RUNFLEET_LOOKS_ARE_FREE: z
    .enum(['true', 'false'])
    .default('false')
    .describe('Whether the provider leaves looks uncounted.'),
  RUNFLEET_RATE_JITTER_MS: number(z.number().int().min(10).max(10_000))
    .default(400)
    .describe(
      'How far apart the delays of two calls on their way to the provider may be. It costs so much of a minute.',
    ),
  RUNFLEET_CONCURRENCY: number(z.number().int().min(1).max(10_000))
    .default(200)
    .describe('Steps at a time in a worker. A run that waits holds none.'),
  RUNFLEET_STREAMS: number(z.number().int().min(0).max(100_000))
    .default(2000)
    .describe(
      'Streams of events that a worker holds open at a time, for runs with `follow: "stream"`; beyond them such runs are ' +
        'looked at. 0 = none.',
    ),
  RUNFLEET_STREAM_IDLE_SECONDS: number(z.number().min(1).max(86_400))
    .default(120)
    .describe(
      'A stream that says nothing for so long is taken for broken and opened again, one call more. Raise it for models ' +
        'that think longer without a word.',
    ),
  RUNFLEET_POLL_POLICY: z
    .enum(['learned', 'backoff'])
    .default('learned')
    .describe(
      'When to look at a run: `learned` when it pays, by how long such runs take; `backoff` at growing intervals.',
    ),
  RUNFLEET_POLL_COST_SECONDS: number(z.number().min(0.001).max(3600))
    .default(1)
    .describe('The seconds of delay that one look is worth: 10 saves calls, 0.1 saves time.'),
  RUNFLEET_BACKOFF_INITIAL_MS: number(z.number().min(1).max(3_600_000))
    .default(500)
    .describe('From the create to the first look.'),
  RUNFLEET_BACKOFF_FACTOR: number(z.number().min(1).max(10))
    .default(1.5)
    .describe('How much longer each wait is.'),
  RUNFLEET_BACKOFF_MAX_MS: number(z.number().min(1).max(3_600_000))
    .default(5000)
    .describe('The longest wait.'),
  RUNFLEET_BACKOFF_JITTER: number(z.number().min(0).max(0.9))
    .default(0.1)
    .describe('Share by which each wait is spread to both sides.'),
  RUNFLEET_DEADLINE_SECONDS: number(z.number().positive().max(604_800))
    .default(600)
    .describe('The deadline of runs that name none, from their acceptance.'),
  RUNFLEET_BACKLOG_LIMIT: number(z.number().int().min(0).max(100_000_000))
    .default(500_000)
    .describe(
      'Runs in flight, of all kinds and callers, before the API answers 429 with `Retry-After`; 0 = no limit. Redis holds ' +
        'a few kB a run, and its request.',
    ),
  RUNFLEET_KEEP_RESULTS_SECONDS: number(z.number().int().min(1).max(31_536_000))
    .default(86_400)
    .describe('How long an ended run is kept; then it goes with everything of it.'),
  RUNFLEET_KEEP_RESULTS: number(z.number().int().min(0).max(100_000_000))
    .default(100_000)
    .describe(
      'How many ended runs are kept at most: beyond it those that ended first go sooner, though none within a minute of ' +
        'its end. 0 = any number. Redis holds a few kB a run, and its output.',
    ),
  RUNFLEET_CALLBACK_SECRET: webhookSecrets.describe(
    'Signs callbacks, by Standard Webhooks: `whsec_` and base64. While you change it, the new and the old one with a ' +
      'comma: each callback then has two signatures. Without it, runs with a callback are refused.',
  ),
  RUNFLEET_CALLBACK_ALLOW: allowList.describe(
    'What callbacks may reach besides public addresses: `host`, `*.domain`, an address or a range such as ' +
      '`10.0.0.0/8`, each with `:port` if need be; several with commas.',
  ),
  RUNFLEET_CALLBACK_CONCURRENCY: number(z.number().int().min(1).max(10_000))
    .default(100)
    .describe('Callbacks under way at a time in a process; one host has a quarter of them at most.'),
  RUNFLEET_TOOLS_MODULE: z
    .string()
    .optional()
    .describe(
      'The module of functions that `runfleet tools` (and `all`) serves: a `.ts` or `.js` file, or a package, as seen ' +
        'from the working directory. See tools.md.',
    ),
  RUNFLEET_TOOLS_CONCURRENCY: number(z.number().int().min(1).max(10_000))
    .default(50)
    .describe('Tool calls at a time in a process. One that waits for hours holds its place.'),
  RUNFLEET_TOOLS_MAX_OUTPUT_BYTES: number(z.number().int().min(1).max(67_108_864))
    .default(1_048_576)
    .describe(
      'The largest output of a tool; the model is told of a larger one instead. Providers allow less.',
    ),
  RUNFLEET_TOOLS_HTTP_TIMEOUT_SECONDS: number(z.number().positive().max(86_400))
    .default(300)
    .describe(
      'How long a URL may take to answer a tool call (mode `http`). It is no longer than the run has.',
    ),
  RUNFLEET_PREFIX: z
    .string()
    .regex(/^\{[\w.-]+\}$/, 'must be a hash tag such as {runfleet}')
    .default('{runfleet}')
    .describe('Before every key in Redis; the braces keep a fleet in one slot of a Redis Cluster.'),
  RUNFLEET_LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('What is logged, as JSON lines on stderr.'),
} as const;

export const environmentSchema = z.object(variables);
