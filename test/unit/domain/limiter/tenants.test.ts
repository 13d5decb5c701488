import { expect, test } from 'vitest';

import { defaultSettings } from '../../../../src/domain/limiter/terms.ts';
import { type ProviderOptions, runAgainst } from './provider.ts';

const limit = 3000;
const minutes = 8;
const base: ProviderOptions = {
  settings: defaultSettings,
  counting: 'window',
  sendsHeaders: true,
  limitAt: () => limit,
  othersAt: () => 0,
  forMs: minutes * 60_000,
};
/** What others send: nothing at first, then this share of the limit. */
const step = (share: number) => (ms: number) => (ms > 90_000 ? share * limit : 0);
/** A minute on, a minute off. */
const square = (share: number) => (ms: number) => (Math.floor(ms / 60_000) % 2 === 1 ? share * limit : 0);

const withHeaders = 0.001;
const without = 0.01;
const cases: [string, Partial<ProviderOptions>, throttledShare: number, usedLately: number][] = [
  ['alone, a window', {}, 0, 0.985],
  ['alone, a bucket', { counting: 'bucket' }, 0, 0.985],
  ['others come, a window', { othersAt: step(0.4) }, withHeaders, 0.5],
  ['others come, a bucket', { counting: 'bucket', othersAt: step(0.4) }, withHeaders, 0.55],
  ['others come and go, a window', { othersAt: square(0.5) }, withHeaders, 0.45],
  ['others come and go, a bucket', { counting: 'bucket', othersAt: square(0.5) }, withHeaders, 0.6],
  [
    'the limit moves',
    { limitAt: (ms) => [limit, limit / 2, limit * 2][Math.floor(ms / 100_000) % 3] ?? limit },
    withHeaders,
    0.25,
  ],
  ['no headers, a window', { sendsHeaders: false }, without, 0.8],
  ['no headers, a bucket', { sendsHeaders: false, counting: 'bucket' }, without, 0.85],
  [
    'no headers, others come, the limit set',
    { sendsHeaders: false, othersAt: step(0.4), settings: { ...defaultSettings, requests: limit } },
    without,
    0.45,
  ],
];

test.each(cases)('429s are rare and the quota is used: %s', (_, some, throttledShare, usedLately) => {
  const { sent, throttled, passedLately } = runAgainst({ ...base, ...some });
  expect(throttled / sent).toBeLessThanOrEqual(throttledShare);
  expect(passedLately / (limit * (minutes / 3))).toBeGreaterThanOrEqual(usedLately);
});
