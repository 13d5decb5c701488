/** Whatever happens in whatever order: every call is answered, nothing is left over, no slot is used twice. */
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Announcement } from '../../../../src/adapters/redis-limiter/contact.ts';
import { Front } from '../../../../src/adapters/redis-limiter/front.ts';
import { silentObserver } from '../../../../src/adapters/redis-limiter/observer.ts';
import { callClasses } from '../../../../src/domain/limiter/classes.ts';
import { spacingUs } from '../../../../src/domain/limiter/spacing.ts';
import type { AccountState } from '../../../../src/domain/limiter/state.ts';
import { step, type StepReply } from '../../../../src/domain/limiter/step.ts';
import { defaultSettings, type LimiterSettings, termsOf } from '../../../../src/domain/limiter/terms.ts';
import type { Permit, PermitAsk } from '../../../../src/ports/rate-gate.ts';
import { draws } from '../../domain/limiter/arbitraries.ts';

const settings: LimiterSettings = {
  ...defaultSettings,
  requests: 40,
  windowMs: 4000,
  jitterMs: 40,
  bookMs: 250,
  contactMs: 400,
};
const terms = termsOf(settings);
/** Some trips in vain, and slots that were missed for want of news of Redis: 5 s happen, for ever does not. */
const longestAnswerMs = 20_000;
/** By then, all that was told to come back soon has. */
const afterwardsMs = 5000;
const spreadMs = 2;

/** There and back; a reply that comes after `contactMs` was not waited for. `null`: an error instead of it. */
const trip = fc.constantFrom<{ readonly thereMs: number | null; readonly backMs: number | null }>(
  { thereMs: 1, backMs: 1 },
  { thereMs: 1, backMs: 1 },
  { thereMs: 100, backMs: 1 },
  { thereMs: 900, backMs: 1 },
  { thereMs: 1, backMs: 900 },
  { thereMs: 1, backMs: null },
  { thereMs: null, backMs: null },
);
const fleetSize = 3;
const anyFront = fc.nat({ max: fleetSize - 1 });
const happening = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('asks' as const),
      at: anyFront,
      callClass: fc.constantFrom(...callClasses),
      count: fc.integer({ min: 1, max: 30 }),
      first: fc.boolean(),
      priority: fc.nat({ max: 2 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('pauses' as const),
      at: anyFront,
      forMs: fc.integer({ min: 1, max: 3000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('settles' as const), at: anyFront }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('closes' as const), at: anyFront }) },
);
const histories = fc.record({
  events: fc.array(fc.record({ afterMs: fc.nat({ max: 600 }), happening }), { minLength: 1, maxLength: 25 }),
  trips: fc.array(trip, { minLength: 1, maxLength: 30 }),
  seed: fc.nat(),
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('every call is answered in time, no slot serves twice, none within a pause, and nothing is left after close', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      // Of a history that failed.
      vi.clearAllTimers();
      const world = new World(history.trips, draws(history.seed));
      for (const { afterMs, happening: next } of history.events) {
        await vi.advanceTimersByTimeAsync(afterMs);
        if (next.type === 'asks') for (let i = 0; i < next.count; i++) world.start(next);
        else if (next.type === 'pauses') world.pause(next.at, next.forMs);
        else if (next.type === 'settles') world.fronts[next.at]?.settleTokens('run', 1);
        else void world.fronts[next.at]?.close();
      }
      await vi.advanceTimersByTimeAsync(history.seed % 8000);
      const closed = Promise.all(world.fronts.map((front) => front.close()));
      // The trip under way, one that tells of a pause, and one that gives back.
      await vi.advanceTimersByTimeAsync(3 * settings.contactMs);
      await closed;
      // Runs still come back, and give back what they have no use for.
      for (let ms = 0; ms < afterwardsMs; ms += 100) {
        expect(world.timersOfFronts()).toBe(0);
        await vi.advanceTimersByTimeAsync(100);
      }
      world.giveUp = true;
      await vi.advanceTimersByTimeAsync(settings.horizonMs);

      expect(world.open).toBe(0);
      expect(world.longestMs).toBeLessThanOrEqual(longestAnswerMs);
      expect(world.inPause).toEqual([]);
      for (const front of world.fronts) expect(Object.values(front.waitingHere())).toEqual([0, 0, 0, 0, 0]);
      expect(world.tooClose()).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

class World {
  readonly fronts: Front[] = [];
  readonly grantsMs: number[] = [];
  readonly inPause: string[] = [];
  open = 0;
  longestMs = 0;
  giveUp = false;
  private state: AccountState | null = null;
  private readonly pauses: {
    readonly from: number;
    readonly until: number;
    readonly front: number | null;
  }[] = [];
  private readonly trips: readonly { readonly thereMs: number | null; readonly backMs: number | null }[];
  private readonly random: () => number;
  private made = 0;
  private sleeping = 0;

  constructor(trips: World['trips'], random: () => number) {
    this.trips = trips;
    this.random = random;
    for (let i = 0; i < fleetSize; i++) {
      this.fronts.push(
        new Front({
          settings,
          clock: { nowMs: () => Date.now(), monotonicMs: () => Date.now() },
          observer: silentObserver,
          step: (request) => this.step(request),
        }),
      );
    }
  }

  /** A run: it asks, comes back when it is told to, and now and then has no more use for its slot. */
  start({ at: front, ...ask }: { readonly at: number } & Omit<PermitAsk, 'ticket'>): void {
    const live = async (): Promise<void> => {
      let ticket: string | null = null;
      for (let at = front; !this.giveUp; at = Math.floor(this.random() * fleetSize)) {
        const askedMs = Date.now();
        this.open++;
        const permit: Permit | undefined = await this.fronts[at]?.acquire({ ...ask, ticket });
        this.open--;
        this.longestMs = Math.max(this.longestMs, Date.now() - askedMs);
        if (permit === undefined) return;
        if (permit.granted) return this.note(at);
        ({ ticket } = permit);
        if (ticket !== null && this.random() < 0.2) return this.fronts[at]?.giveBack(ticket);
        await this.sleep(permit.atMs - Date.now() + this.random() * 40);
      }
    };
    void live();
  }

  pause(front: number, forMs: number): void {
    const nowMs = Date.now();
    this.pauses.push({ from: nowMs, until: nowMs + forMs, front });
    void this.fronts[front]?.pauseUntil(nowMs + forMs);
  }

  /** Slots lie `T` apart, and each is used within `jitterMs / 2`: so many calls take so long. */
  tooClose(): string[] {
    const gapMs = spacingUs(settings.requests ?? 0, terms) / 1000;
    const slackMs = settings.jitterMs / 2 + spreadMs;
    const sorted = this.grantsMs.toSorted((a, b) => a - b);
    return sorted.flatMap((from, i) =>
      sorted
        .slice(i + 1)
        .flatMap((until, n) =>
          until - from < (n + 1) * gapMs - slackMs ? [`${n + 2} calls from ${from} to ${until}`] : [],
        ),
    );
  }

  private note(front: number): void {
    const nowMs = Date.now();
    this.grantsMs.push(nowMs);
    for (const { from, until, front: told } of this.pauses)
      if ((told === null || told === front) && nowMs >= from && nowMs < until - spreadMs)
        this.inPause.push(`${nowMs} is within ${from} to ${until}`);
  }

  private async step(request: Parameters<typeof step>[2]): Promise<StepReply> {
    const { thereMs, backMs } = this.trips[this.made++ % this.trips.length] ?? { thereMs: 1, backMs: 1 };
    if (thereMs === null) throw new Error('Redis is away.');
    await this.sleep(thereMs);
    const pausedBeforeUs = this.state?.pausedUntilUs ?? 0;
    const { state, reply } = step(this.state, terms, request, Date.now() * 1000, 'e');
    this.state = state;
    if (state.pausedUntilUs > pausedBeforeUs) {
      // From when everybody has heard of it.
      const until = state.pausedUntilUs / 1000;
      this.pauses.push({ from: Date.now() + spreadMs, until, front: null });
    }
    const { epoch, nowUs, pausedUntilUs, aheadUs } = reply;
    void this.tell({ epoch, nowUs, pausedUntilUs, aheadUs });
    if (backMs === null) throw new Error('The reply was lost.');
    await this.sleep(backMs);
    return reply;
  }

  private async tell(news: Announcement): Promise<void> {
    await this.sleep(1);
    for (const front of this.fronts) front.announced(news);
  }

  /** All that are set, but ours. */
  timersOfFronts(): number {
    return vi.getTimerCount() - this.sleeping;
  }

  private async sleep(ms: number): Promise<void> {
    this.sleeping++;
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.sleeping--;
  }
}
