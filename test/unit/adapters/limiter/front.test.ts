import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Front } from '../../../../src/adapters/redis-limiter/front.ts';
import { silentObserver } from '../../../../src/adapters/redis-limiter/observer.ts';
import { step, type StepRequest } from '../../../../src/domain/limiter/step.ts';
import { defaultSettings, termsOf } from '../../../../src/domain/limiter/terms.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A front whose first trips fail. */
function frontThatFails(times: number): { front: Front; requests: StepRequest[] } {
  const requests: StepRequest[] = [];
  const front = new Front({
    settings: defaultSettings,
    clock: { nowMs: () => Date.now(), monotonicMs: () => Date.now() },
    observer: silentObserver,
    async step(request) {
      requests.push(request);
      if (requests.length <= times) throw new Error('Redis is away.');
      return await Promise.resolve(
        step(null, termsOf(defaultSettings), request, Date.now() * 1000, 'e').reply,
      );
    },
  });
  return { front, requests };
}

test('a pause that Redis did not take is told again', async () => {
  const { front, requests } = frontThatFails(2);
  await front.pauseUntil(Date.now() + 5000);
  await vi.advanceTimersByTimeAsync(1000);
  expect(requests).toHaveLength(3);
  expect(requests.at(-1)?.pauseUs).toBeGreaterThan(4_000_000);
});

test('but no longer than it lasts', async () => {
  const { front, requests } = frontThatFails(1000);
  await front.pauseUntil(Date.now() + 1000);
  await vi.advanceTimersByTimeAsync(1500);
  const tries = requests.length;
  await vi.advanceTimersByTimeAsync(5000);
  expect(requests).toHaveLength(tries);
});
