import { defineConfig } from 'vitest/config';
import { programFor } from './test/support/deploy/binaries.ts';

/** Redis's own clock, restarts and replication ids, and Redis killed in the middle: nothing but a real one will do. */
const withoutRedis =
  programFor('quotas, the soak, chaos and faults of Redis on a real one', 'redis-server') === null
    ? [
        'test/integration/limiter/**',
        'test/integration/outage-routes.test.ts',
        'test/integration/stop-workers.test.ts',
        'test/e2e/accounts.test.ts',
        'test/e2e/chaos.test.ts',
        'test/e2e/redis-*.test.ts',
        'test/e2e/soak.test.ts',
      ]
    : [];

/** One project a level, so that `npx vitest --project unit` runs one level alone. */
const project = (name: string, testTimeout: number) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    exclude: withoutRedis,
    testTimeout,
    hookTimeout: 60_000,
  },
});

export default defineConfig({
  test: {
    projects: [
      project('unit', 60_000),
      project('contract', 30_000),
      project('integration', 60_000),
      project('e2e', 120_000),
    ],
    // Two cores are what a small CI machine has. Whole fleets are waited for more than they work, so four at a time.
    maxWorkers: 4,
  },
});
