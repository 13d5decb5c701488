import { defineConfig } from 'vitest/config';

/** One project a level, so that `npx vitest --project unit` runs one level alone. */
const project = (name: string, testTimeout: number) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: 60_000 },
});

export default defineConfig({
  test: {
    projects: [
      project('unit', 20_000),
      project('contract', 30_000),
      project('integration', 60_000),
      project('e2e', 120_000),
    ],
    // Two cores are what a small CI machine has; tests wait for states, so more workers only add noise.
    maxWorkers: 2,
  },
});
