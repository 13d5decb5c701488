import { describe, expect, test } from 'vitest';

import type { Answer, Ask, AskKind } from '../../../../src/domain/limiter/booking.ts';
import { type CallClass, classIndex } from '../../../../src/domain/limiter/classes.ts';
import type { AccountState } from '../../../../src/domain/limiter/state.ts';
import { emptyRequest, step, type StepRequest } from '../../../../src/domain/limiter/step.ts';
import { defaultSettings, type LimiterSettings, termsOf } from '../../../../src/domain/limiter/terms.ts';
import { viewOf } from '../../../../src/domain/limiter/view.ts';

const startUs = 1_760_000_000_000_000;

/** One account, at a time that the test moves. */
class Account {
  nowUs = startUs;
  state: AccountState | null = null;
  settings: LimiterSettings;

  constructor(settings: Partial<LimiterSettings>) {
    this.settings = { ...defaultSettings, ...settings };
    this.step({});
    this.pass(10_000);
  }

  pass(ms: number): void {
    this.nowUs += ms * 1000;
  }

  step(request: Partial<StepRequest>): readonly Answer[] {
    const done = step(this.state, termsOf(this.settings), { ...emptyRequest, ...request }, this.nowUs, 'e');
    this.state = done.state;
    return done.reply.answers;
  }

  ask(callClass: CallClass, count: number, kind: AskKind = 'fresh'): readonly Answer[] {
    return this.step({ asks: asksFor(callClass, count, kind) });
  }

  view() {
    if (this.state === null) throw new Error('Nothing was asked yet.');
    return viewOf(this.state, termsOf(this.settings), this.nowUs);
  }
}

function asksFor(callClass: CallClass, count: number, kind: AskKind = 'fresh', tokens = 0): Ask[] {
  return Array.from({ length: count }, (_, i) => ({
    classIndex: classIndex(callClass),
    kind,
    tokens,
    id: `${callClass}${i}`,
  }));
}

function slots(answers: readonly Answer[]): number[] {
  return answers.flatMap((answer) => (answer.type === 'slot' ? [answer.atUs] : []));
}

describe('slots', () => {
  test('an idle account lets a call go at once, and paces a burst', () => {
    const account = new Account({ requests: 600 });
    const [first, second, third] = slots(account.ask('look', 3));
    expect(first).toBe(account.nowUs);
    expect((second ?? 0) - (first ?? 0)).toBe((third ?? 0) - (second ?? 0));
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThan(100_000);
  });

  test('beyond its reach, calls get times at the rate at which they will be served', () => {
    const account = new Account({ requests: 3000 });
    const answers = account.ask('look', 500);
    const later = answers.flatMap((answer) => (answer.type === 'later' ? [answer.atUs] : []));
    expect(slots(answers).length).toBeGreaterThan(80);
    expect(later.length).toBeGreaterThan(200);
    const spreadMs = ((later.at(-1) ?? 0) - (later[0] ?? 0)) / 1000;
    expect(spreadMs / (later.length - 1)).toBeCloseTo(20.2, 0);
  });

  test('no limit means no waiting, but a pause holds', () => {
    const account = new Account({ requests: 0 });
    expect(slots(account.ask('look', 50))).toEqual(Array.from({ length: 50 }, () => account.nowUs));
    account.step({ pauseUs: 1_000_000 });
    expect(account.ask('cancel', 1)).toEqual([
      { type: 'later', atUs: account.nowUs + 1_000_000, reason: 'paused' },
    ]);
  });

  test('the latest pause stands, and nothing is booked within it', () => {
    const account = new Account({ requests: 3000 });
    account.step({ pauseUs: 5_000_000 });
    account.step({ pauseUs: 1_000_000 });
    const untilUs = account.nowUs + 5_000_000;
    for (const answer of account.ask('look', 3)) {
      expect(answer).toMatchObject({ type: 'later', reason: 'paused' });
      expect(answer.type === 'later' && answer.atUs).toBeGreaterThanOrEqual(untilUs);
    }
    account.pass(5000);
    expect(slots(account.ask('look', 2))[0]).toBe(untilUs);
  });

  test('a slot that was given back goes to the next', () => {
    const account = new Account({ requests: 600 });
    const given = slots(account.ask('look', 10));
    account.step({ back: [given[4] ?? 0], backEpoch: 'other' });
    account.step({ back: [given[4] ?? 0, (given[4] ?? 0) + 1e9], backEpoch: 'e' });
    expect(slots(account.ask('create', 1))).toEqual([given[4]]);
  });

  test('a loss of the state keeps everybody waiting until old slots cannot be used any more', () => {
    const account = new Account({ requests: 3000 });
    account.ask('look', 5);
    account.state = null;
    const { contactMs, jitterMs } = account.settings;
    const [first] = slots(account.ask('look', 1));
    expect(first).toBeGreaterThanOrEqual(account.nowUs + (contactMs + jitterMs / 2) * 1000);
    expect(slots(account.ask('cancel', 1))[0]).toBeGreaterThan(first ?? 0);
    expect(account.view().waitingFor).toBe('settling');
  });
});

describe('classes', () => {
  test('creates get their share of a saturated account soon, and so do looks', () => {
    const account = new Account({ requests: 3000 });
    const waiting: Record<'create' | 'look', number> = { create: 0, look: 400 };
    const got = { create: 0, look: 0 };
    const comingBack: { readonly atUs: number; readonly callClass: 'create' | 'look' }[] = [];
    for (let ms = 0; ms < 30_000; ms += 50) {
      if (ms === 10_000) waiting.create = 400;
      const back = comingBack.filter(({ atUs }) => atUs <= account.nowUs);
      for (const one of back) comingBack.splice(comingBack.indexOf(one), 1);
      for (const callClass of ['look', 'create'] as const) {
        const returning = back.filter((one) => one.callClass === callClass).length;
        const asks = [
          ...asksFor(callClass, returning, 'returning'),
          ...asksFor(callClass, waiting[callClass]),
        ];
        waiting[callClass] = 0;
        for (const answer of account.step({ asks })) {
          if (answer.type === 'later') comingBack.push({ atUs: answer.atUs, callClass });
          if (answer.type !== 'slot') continue;
          if (ms >= 12_000) got[callClass]++;
          // Each call that is served is followed by another.
          waiting[callClass]++;
        }
      }
      account.pass(50);
    }
    const sum = got.create + got.look;
    expect(sum).toBeGreaterThan(0.97 * 50 * 18);
    expect(got.create / sum).toBeGreaterThan(0.4);
    expect(got.look / sum).toBeGreaterThan(0.4);
  });

  test('submit and cancel go at once though looks have booked ahead', () => {
    const account = new Account({ requests: 3000 });
    account.ask('look', 500);
    expect(slots(account.step({ asks: [...asksFor('submit', 4), ...asksFor('cancel', 4)] }))).toEqual(
      Array.from({ length: 8 }, () => account.nowUs),
    );
    // The headroom is used up; now they come after what is booked, which is little.
    const [later] = slots(account.ask('cancel', 2)).slice(1);
    expect((later ?? 0) - account.nowUs).toBeLessThan(6_000_000);
  });

  test('a class with a quota of its own does not count against the shared one', () => {
    const account = new Account({ requests: 60, classRequests: { create: 600 }, freeClasses: ['look'] });
    expect(slots(account.ask('look', 100))).toEqual(Array.from({ length: 100 }, () => account.nowUs));
    const [, second] = slots(account.ask('create', 2));
    expect((second ?? 0) - account.nowUs).toBeLessThan(102_000);
    expect(slots(account.ask('other', 1))[0]).toBe(account.nowUs);
    expect(account.view().requests.used).toBe(1);
    expect(account.view().classes.create).toMatchObject({ limit: 600, usedInWindow: 2 });
  });
});

function create(account: Account, id: string, tokens: number, kind: AskKind = 'fresh'): Answer | undefined {
  return account.step({ asks: [{ classIndex: 0, kind, tokens, id }] })[0];
}

describe('tokens', () => {
  test('are reserved by the estimate and settled by the use', () => {
    const account = new Account({ requests: 3000, tokens: 1000 });
    expect(create(account, 'a', 800)).toMatchObject({ type: 'slot' });
    expect(create(account, 'b', 800)).toMatchObject({ type: 'later', reason: 'tokens' });
    account.step({ settle: [{ id: 'a', tokens: 100 }] });
    account.step({ settle: [{ id: 'a', tokens: 0 }] });
    expect(account.view().tokens.used).toBe(100);
    expect(create(account, 'b', 800)).toMatchObject({ type: 'slot' });
  });

  test('of a worker that died come back by themselves', () => {
    const account = new Account({ requests: 3000, tokens: 1000 });
    create(account, 'a', 1000);
    let answer = create(account, 'b', 1000);
    const since = account.nowUs;
    while (answer?.type === 'later') {
      account.pass((answer.atUs - account.nowUs) / 1000);
      answer = create(account, 'b', 1000, 'returning');
    }
    expect(answer).toMatchObject({ type: 'slot' });
    expect(account.nowUs - since).toBeLessThan(62_000_000);
    account.pass(70_000);
    account.step({ settle: [{ id: 'b', tokens: 0 }] });
    expect(account.view().tokens.used).toBe(0);
  });

  test('that are asked for again are not reserved twice', () => {
    const account = new Account({ requests: 3000, tokens: 1000 });
    create(account, 'a', 600);
    create(account, 'a', 600, 'returning');
    expect(account.view().tokens.used).toBe(600);
  });

  test('a big create that has waited is not passed by small ones for ever', () => {
    const account = new Account({ requests: 3000, tokens: 1000 });
    create(account, 'small', 500);
    account.pass(1000);
    expect(create(account, 'big', 900, 'returning')).toMatchObject({ type: 'later', reason: 'tokens' });
    expect(create(account, 'small2', 400)).toMatchObject({ type: 'later', reason: 'tokens' });
  });
});

describe('learning', () => {
  const seen = {
    limitRequests: -1,
    remainingRequests: -1,
    limitTokens: -1,
    remainingTokens: -1,
    throttles: 0,
    bareThrottles: 0,
  };

  test('an unknown limit starts low and follows the headers', () => {
    const account = new Account({});
    // Where calls go freely for now, nobody asks.
    expect(account.view().requests).toMatchObject({ limit: null, source: 'none' });
    account.ask('look', 1);
    expect(account.view().requests).toMatchObject({ limit: 60, source: 'guess' });
    account.step({ seen: { ...seen, atUs: account.nowUs, limitRequests: 500, remainingRequests: 499 } });
    expect(account.view().requests).toMatchObject({ limit: 500, source: 'headers' });
    account.step({ seen: { ...seen, atUs: account.nowUs, limitRequests: 200, remainingRequests: 199 } });
    expect(account.view().requests.limit).toBe(200);
    // Another model's, perhaps: believed when the lower one was not seen for a while.
    account.step({ seen: { ...seen, atUs: account.nowUs, limitRequests: 900, remainingRequests: 899 } });
    expect(account.view().requests.limit).toBe(200);
    account.pass(11_000);
    account.step({ seen: { ...seen, atUs: account.nowUs, limitRequests: 900, remainingRequests: 899 } });
    expect(account.view().requests.limit).toBe(900);
  });

  test('a limit that was lowered below what is in the window waits for room, and for no more', () => {
    const account = new Account({ requests: 600 });
    for (let i = 0; i < 450; i++) {
      account.ask('look', 1, 'returning');
      account.pass(100);
    }
    account.step({
      seen: { ...seen, atUs: account.nowUs, limitRequests: 300, remainingRequests: 0, throttles: 1 },
    });
    // The last 300 of them leave the window 30 s from now on.
    const { requests, pausedUntilMs } = account.view();
    expect((pausedUntilMs ?? 0) - account.nowUs / 1000).toBeGreaterThan(30_000);
    expect((pausedUntilMs ?? 0) - account.nowUs / 1000).toBeLessThan(45_000);
    expect(requests.limit).toBeGreaterThan(200);
  });

  test('headers never raise what was set', () => {
    const account = new Account({ requests: 100 });
    account.step({ seen: { ...seen, atUs: account.nowUs, limitRequests: 500, remainingRequests: 400 } });
    expect(account.view().requests.limit).toBeLessThanOrEqual(100);
  });

  test('a 429 without headers cuts once, and the limit rises only while calls wait', () => {
    const account = new Account({ requests: 1000 });
    const bare = { ...seen, atUs: account.nowUs, bareThrottles: 3 };
    account.step({ seen: bare });
    account.step({ seen: bare });
    expect(account.view().requests).toMatchObject({ limit: 700, source: 'throttled' });
    account.pass(600_000);
    expect(account.view().requests.limit).toBe(700);
    for (let i = 0; i < 20; i++) {
      account.ask('look', 100);
      account.pass(500);
    }
    expect(account.view().requests.limit).toBeGreaterThan(900);
  });

  test("others' use is left to them", () => {
    const account = new Account({ requests: 1000 });
    account.step({ seen: { ...seen, atUs: account.nowUs, limitRequests: 1000, remainingRequests: 600 } });
    expect(account.view().requests).toMatchObject({ limit: 560, source: 'shared' });
  });
});
