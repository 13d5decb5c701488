import type { RedisClient } from '../adapters/redis-sdk/client.ts';
import type { Readiness } from '../http/deps.ts';
import type { ProviderHealth } from '../ports/provider-health.ts';

const pingTimeoutMs = 2000;

/** Able to work: Redis answers, and the provider has not just refused our credential. `health`: null where none is called. */
export async function readiness(client: RedisClient, health: ProviderHealth | null): Promise<Readiness> {
  const redis = await Promise.race([
    client.ping().then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : 'no answer'),
    ),
    new Promise<string>((resolve) => setTimeout(resolve, pingTimeoutMs, 'no answer within 2 s').unref()),
  ]);
  if (redis !== null) return { ok: false, checks: { redis: { ok: false, detail: redis } } };
  if (health === null) return { ok: true, checks: { redis: { ok: true } } };
  const trouble = await health.current();
  if (trouble === null) return { ok: true, checks: { redis: { ok: true }, provider: { ok: true } } };
  const since = new Date(trouble.atMs).toISOString();
  const detail = `The provider refused our credential at ${since}: ${trouble.message} Check OPENAI_API_KEY.`;
  return { ok: false, checks: { redis: { ok: true }, provider: { ok: false, detail } } };
}
