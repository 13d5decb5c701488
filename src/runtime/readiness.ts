import type { Readiness } from '../http/deps.ts';
import { webhooksHaveStopped } from '../domain/polling/webhook-arrival.ts';
import type { ProviderHealth } from '../ports/provider-health.ts';

const patienceMs = 2000;

export interface AccountChecks {
  readonly name: string;
  readonly health: ProviderHealth;
  /** Rejects where no permit can be given. */
  readonly checkLimiter?: () => Promise<void>;
  /** False in a process that makes no calls: it tells of a limiter, and is ready all the same. Default true. */
  readonly needsPermits?: boolean;
  /** The chance that a webhook tells of a run's end; null: unknown. Absent where none is expected. */
  readonly webhookChance?: () => Promise<number | null>;
}

type Checks = Readiness['checks'];

/**
 * Able to work: Redis answers, the limiter gives permits to who needs them, and an account's credential is not refused.
 * `accounts`: none where they are of no concern.
 */
export async function readiness(
  client: { ping(): Promise<unknown> },
  accounts: readonly AccountChecks[],
): Promise<Readiness> {
  const redis = await troubleOf(() => client.ping());
  if (redis !== null) return { ok: false, checks: { redis: { ok: false, detail: redis } } };
  const [limiter, provider, webhooks] = await Promise.all([
    limiterChecks(accounts),
    providerChecks(accounts),
    webhookChecks(accounts),
  ]);
  const isOpen = accounts.every(
    ({ name, needsPermits = true }) =>
      !needsPermits || limiter[nameOf('limiter', name, accounts)]?.ok !== false,
  );
  // One account that is refused stops its own runs alone.
  const hasProvider = accounts.length === 0 || Object.values(provider).some(({ ok }) => ok);
  return { ok: isOpen && hasProvider, checks: { redis: { ok: true }, ...limiter, ...provider, ...webhooks } };
}

async function limiterChecks(accounts: readonly AccountChecks[]): Promise<Checks> {
  const checks = accounts.map(async ({ name, checkLimiter }) => {
    if (checkLimiter === undefined) return [];
    const trouble = await troubleOf(checkLimiter);
    const detail = `No call goes out under the quota of ${name}: ${trouble ?? ''}`;
    return [[nameOf('limiter', name, accounts), trouble === null ? { ok: true } : { ok: false, detail }]];
  });
  return Object.fromEntries((await Promise.all(checks)).flat());
}

async function providerChecks(accounts: readonly AccountChecks[]): Promise<Checks> {
  const checks = accounts.map(async ({ name, health }) => {
    const trouble = await health.current();
    const check = nameOf('provider', name, accounts);
    if (trouble === null) return [check, { ok: true }];
    const since = new Date(trouble.atMs).toISOString();
    const variable = name === 'default' ? 'OPENAI_API_KEY' : `the key of account ${name}`;
    const detail = `The provider refused our credential at ${since}: ${trouble.message} Check ${variable}.`;
    return [check, { ok: false, detail }];
  });
  return Object.fromEntries(await Promise.all(checks));
}

/** Without webhooks runs are looked at instead, so a process that misses them is ready all the same. */
async function webhookChecks(accounts: readonly AccountChecks[]): Promise<Checks> {
  const checks = accounts.map(async ({ name, webhookChance }) => {
    if (webhookChance === undefined) return [];
    const chance = await webhookChance().catch(() => null);
    const stopped = chance !== null && webhooksHaveStopped(chance);
    const detail =
      'Webhooks have stopped coming; runs are looked at as without them. ' +
      'Check the endpoint that the provider was told, the proxy before it, and OPENAI_WEBHOOK_SECRET.';
    return [[nameOf('webhooks', name, accounts), stopped ? { ok: false, detail } : { ok: true }]];
  });
  return Object.fromEntries((await Promise.all(checks)).flat());
}

function nameOf(check: string, account: string, accounts: readonly AccountChecks[]): string {
  return accounts.length === 1 ? check : `${check}.${account}`;
}

/** Null when it was done in time. */
async function troubleOf(work: () => Promise<unknown>): Promise<string | null> {
  const late = `no answer within ${patienceMs / 1000} s`;
  return await Promise.race([
    work().then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : 'no answer'),
    ),
    new Promise<string>((resolve) => setTimeout(resolve, patienceMs, late).unref()),
  ]);
}
