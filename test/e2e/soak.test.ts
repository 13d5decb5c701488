/** The short form of `npm run bench:soak`: a fleet under all that runs do leaves no key behind. */

import { expect, it } from 'vitest';
import { soak } from '../../bench/soak/soak.ts';

it('has as many keys in Redis after a load as before, of each sort', { timeout: 400_000 }, async () => {
  const { figures, left } = await soak({
    runs: 240,
    warmUpRuns: 120,
    inFlight: 100,
    keepSeconds: 3,
  });
  expect(Object.fromEntries(left)).toEqual({});
  // One of each twelve.
  expect(figures['callbacks received']).toBeGreaterThanOrEqual(30);
});
