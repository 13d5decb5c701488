/** Where no limit is set and no header shows one: calls go freely until a 429. */

import { expect, test } from 'vitest';

import type { Ask } from '../../../../src/domain/limiter/booking.ts';
import type { AccountState } from '../../../../src/domain/limiter/state.ts';
import { emptyRequest, step, type StepReply, type StepRequest } from '../../../../src/domain/limiter/step.ts';
import { defaultSettings, termsOf } from '../../../../src/domain/limiter/terms.ts';
import { type QuotaView, viewOf } from '../../../../src/domain/limiter/view.ts';

const startUs = 1_760_000_000_000_000;
const terms = termsOf({ ...defaultSettings, initialRequests: 600 });
const bare = {
  limitRequests: -1,
  remainingRequests: -1,
  limitTokens: -1,
  remainingTokens: -1,
  throttles: 0,
  bareThrottles: 1,
};

class Account {
  nowUs = startUs;
  private state: AccountState | null = null;

  step(request: Partial<StepRequest>): StepReply {
    const done = step(this.state, terms, { ...emptyRequest, ...request }, this.nowUs, 'e');
    this.state = done.state;
    return done.reply;
  }

  view(): QuotaView {
    if (this.state === null) throw new Error('Nothing was asked yet.');
    return viewOf(this.state, terms, this.nowUs);
  }
}

/** 200 calls a second for three seconds, then a 429. */
function throttled(): { account: Account; reply: StepReply } {
  const account = new Account();
  for (let i = 0; i < 3; i++) {
    account.step({ sent: [150, 50, 0, 0, 0] });
    account.nowUs += 1_000_000;
  }
  return { account, reply: account.step({ seen: { ...bare, atUs: account.nowUs } }) };
}

test('calls that go freely are counted', () => {
  const account = new Account();
  const { limit } = account.step({ sent: [40, 20, 0, 0, 1] });
  expect(limit).toBe(0);
  expect(account.view().requests).toMatchObject({ limit: null, used: 61, source: 'none' });
  expect(account.view().classes.look.usedInWindow).toBe(20);
});

test('the first 429 is taken to come of what was sent, and all who ask hear of it', () => {
  const { account, reply } = throttled();
  expect(reply.limit).toBe(420);
  expect(account.step({ sent: [1, 0, 0, 0, 0] }).limit).toBe(420);
  expect(account.view().requests).toMatchObject({ limit: 420, source: 'throttled' });
  // The window is full of what was sent before anybody knew.
  expect(reply.pausedUntilUs - account.nowUs).toBeGreaterThan(30_000_000);
});

test('slots that went unused do not make a window look like a bucket that refills', () => {
  const account = new Account();
  const shows = (remaining: number) =>
    account.step({
      seen: {
        ...bare,
        bareThrottles: 0,
        atUs: account.nowUs,
        limitRequests: 600,
        remainingRequests: remaining,
      },
    });
  shows(600);
  account.nowUs += 5_000_000;
  for (let i = 0; i < 400; i++) {
    account.step({ asks: [{ classIndex: 1, kind: 'returning', tokens: 0, id: '' }] });
    account.nowUs += 100_000;
    // Eighty of the first hundred came too late.
    if (i % 50 === 49) shows(600 - Math.max((i + 1) / 5, i + 1 - 80));
  }
  expect(account.view().requests).toMatchObject({ limit: 600, source: 'headers' });
});

test('where only classes have quotas, nothing is guessed of the others', () => {
  const own = termsOf({ ...defaultSettings, classRequests: { create: 100, look: 200 } });
  const asks: Ask[] = [{ classIndex: 0, kind: 'fresh', tokens: 0, id: '' }];
  const { state } = step(null, own, { ...emptyRequest, asks }, startUs, 'e');
  expect(viewOf(state, own, startUs).requests).toMatchObject({ limit: null, source: 'none' });
});

test('a 429 that others caused leaves enough to go on with', () => {
  const account = new Account();
  account.step({ sent: [1, 0, 0, 0, 0] });
  expect(account.step({ seen: { ...bare, atUs: account.nowUs } }).limit).toBe(42);
});

test('places do not reach far while a limit is held down: it may be lifted', () => {
  const { account, reply } = throttled();
  const asks = Array.from({ length: 1000 }, (_, i): Ask => ({
    classIndex: 0,
    kind: 'fresh',
    tokens: 0,
    id: `r${i}`,
  }));
  const times = account.step({ asks }).answers.map(({ atUs }) => atUs);
  const reachUs = Math.max(...times) - reply.pausedUntilUs;
  expect(reachUs).toBeGreaterThan(20_000_000);
  expect(reachUs).toBeLessThanOrEqual(30_000_000);
});
