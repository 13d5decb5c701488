import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Front } from '../../../../src/adapters/redis-limiter/front.ts';
import { silentObserver } from '../../../../src/adapters/redis-limiter/observer.ts';
import type { AccountState } from '../../../../src/domain/limiter/state.ts';
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

/** A front whose trips wait to be let back, with a quota that is nearly used up. */
function frontThatWaits(): { front: Front; requests: StepRequest[]; letBack: () => void } {
  const requests: StepRequest[] = [];
  const out: (() => void)[] = [];
  const settings = { ...defaultSettings, requests: 60 };
  let state: AccountState | null = null;
  const front = new Front({
    settings,
    clock: { nowMs: () => Date.now(), monotonicMs: () => Date.now() },
    observer: silentObserver,
    async step(request) {
      requests.push(request);
      const done = step(state, termsOf(settings), request, Date.now() * 1000, 'e');
      ({ state } = done);
      await new Promise<void>((resolve) => {
        out.push(resolve);
      });
      return done.reply;
    },
  });
  return { front, requests, letBack: () => out.shift()?.() };
}

test('calls of a trip that is under way when it closes are all answered', async () => {
  const { front, requests, letBack } = frontThatWaits();
  const classes = ['look', 'look', 'submit', 'cancel', 'create', 'look'] as const;
  const asked = classes.map(async (callClass) => await front.acquire({ callClass, ticket: null }));
  await vi.advanceTimersByTimeAsync(10);
  expect(requests[0]?.asks).toHaveLength(classes.length);
  const closed = front.close();
  letBack();
  await vi.advanceTimersByTimeAsync(10);
  letBack();
  await closed;
  expect(await Promise.all(asked)).toHaveLength(classes.length);
  expect(Object.values(front.waitingHere())).toEqual([0, 0, 0, 0, 0]);
});

test('a longer pause that is told while a shorter one is under way is told too', async () => {
  const { front, requests, letBack } = frontThatWaits();
  const short = front.pauseUntil(Date.now() + 1000);
  await vi.advanceTimersByTimeAsync(10);
  const long = front.pauseUntil(Date.now() + 5000);
  letBack();
  await vi.advanceTimersByTimeAsync(10);
  letBack();
  await Promise.all([short, long]);
  expect(requests.map(({ pauseUs }) => Math.round(pauseUs / 1e6))).toEqual([1, 5]);
});
