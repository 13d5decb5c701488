import { describe, expect, it } from 'vitest';
import { type AccountChecks, readiness } from '../../../src/runtime/readiness.ts';
import { t0 } from '../../support/fakes/builders.ts';
import { FakeProviderHealth, ManualClock } from '../../support/fakes/index.ts';

const redis = { ping: () => Promise.resolve('PONG') };
const closed = () => Promise.reject(new Error('The limiter cannot reach Redis.'));
const open = () => Promise.resolve();

async function anAccount(
  name: string,
  {
    isRefused = false,
    ...more
  }: { isRefused?: boolean; checkLimiter?: () => Promise<void>; needsPermits?: boolean } = {},
): Promise<AccountChecks> {
  const health = new FakeProviderHealth(new ManualClock(t0));
  if (isRefused) await health.reportUnauthorized('Wrong key.');
  return { name, health, ...more };
}

describe('readiness', () => {
  it('is none without Redis, whatever else there is', async () => {
    const down = { ping: () => Promise.reject(new Error('ECONNREFUSED')) };
    await expect(readiness(down, [await anAccount('default', { checkLimiter: open })])).resolves.toEqual({
      ok: false,
      checks: { redis: { ok: false, detail: 'ECONNREFUSED' } },
    });
  });

  it('asks for no account where no calls are made', async () => {
    await expect(readiness(redis, [])).resolves.toEqual({ ok: true, checks: { redis: { ok: true } } });
  });

  it('is none while a limiter gives no permits', async () => {
    const accounts = [
      await anAccount('default', { checkLimiter: open }),
      await anAccount('eu', { checkLimiter: closed }),
    ];
    await expect(readiness(redis, accounts)).resolves.toMatchObject({
      ok: false,
      checks: {
        'limiter.default': { ok: true },
        'limiter.eu': {
          ok: false,
          detail: 'No call goes out under the quota of eu: The limiter cannot reach Redis.',
        },
      },
    });
  });

  it('of a process that makes no calls lasts, and tells of the limiter', async () => {
    const api = await anAccount('default', { checkLimiter: closed, needsPermits: false });
    await expect(readiness(redis, [api])).resolves.toMatchObject({
      ok: true,
      checks: { limiter: { ok: false, detail: expect.stringContaining('No call goes out') } },
    });
  });

  it('lasts while one account works, and shows the one that is refused', async () => {
    const [good, bad] = [await anAccount('default'), await anAccount('eu', { isRefused: true })];
    await expect(readiness(redis, [good, bad])).resolves.toMatchObject({
      ok: true,
      checks: { 'provider.default': { ok: true }, 'provider.eu': { ok: false } },
    });
    await expect(readiness(redis, [bad, bad])).resolves.toMatchObject({ ok: false });
  });

  it('names no account where there is but one', async () => {
    const { ok, checks } = await readiness(redis, [
      await anAccount('default', { isRefused: true, checkLimiter: open }),
    ]);
    expect(ok).toBe(false);
    expect(Object.keys(checks)).toEqual(['redis', 'limiter', 'provider']);
    expect(checks['provider']?.detail).toBe(
      'The provider refused our credential at 2026-01-01T00:00:00.000Z: Wrong key. Check OPENAI_API_KEY.',
    );
  });
});
