/** What this process last heard of the shared state, and Redis's clock as seen from here. */

import { heard, redisTimeUs, type RedisClock, unknownClock } from '../../domain/limiter/redis-clock.ts';
import type { StepReply } from '../../domain/limiter/step.ts';

/** Milliseconds. */
export interface LimiterClock {
  /** The wall clock: what callers and queues reckon with. It may be wrong by minutes, and be set. */
  nowMs(): number;
  /** Never set, never slewed by much: `performance.now()`. */
  monotonicMs(): number;
}

interface Stamp {
  readonly wallMs: number;
  readonly localMs: number;
}

/** What the script tells everybody now and then, whoever made the trip. Times are Redis's. */
export interface Announcement {
  readonly epoch: string;
  readonly pausedUntilUs: number;
  /** Null in what an older version says. */
  readonly nowUs: number | null;
  /** How far ahead the shared grid is given out. */
  readonly aheadUs: number;
}

/** `epoch pausedUntil now ahead`. Null for anything else. */
export function readAnnouncement(message: string): Announcement | null {
  const [epoch, ...rest] = message.split(' ');
  const [pausedUntilUs, nowUs = null, aheadUs = 0] = rest.map(Number);
  if (epoch === undefined || pausedUntilUs === undefined) return null;
  if (![pausedUntilUs, nowUs ?? 0, aheadUs].every(Number.isFinite)) return null;
  return { epoch, pausedUntilUs, nowUs, aheadUs };
}

/** In reaches: with less given out, slots may soon be wasted. */
const keepAhead = 0.1;
/** In reaches, on top, for who has gathered for as long as may be. */
const keepMore = 0.4;
const yardstickMs = 30_000;

export class Contact {
  epoch = '';
  private heardPauseUntilUs = 0;
  /** What the provider told this process itself: it holds before Redis was ever heard of, and if Redis forgets. */
  private toldPauseUntilLocalMs = 0;
  reachUs = 0;
  limit = 0;
  /** Until when the grid was given out when last heard of. */
  bookedUntilUs = 0;
  private redis: RedisClock = unknownClock;
  private heardAt: Stamp | null = null;
  /** Redis's time of what was last heard. */
  private heardUs = 0;
  private lastTrip: (Stamp & { readonly redisUs: number }) | null = null;
  private readonly clock: LimiterClock;
  private readonly contactMs: number;

  constructor(clock: LimiterClock, contactMs: number) {
    this.clock = clock;
    this.contactMs = contactMs;
  }

  localMs(): number {
    return this.clock.monotonicMs();
  }

  /** `sentAt`: what the reply says was true at some time after. */
  hear(reply: StepReply, sentAt: Stamp): void {
    // Another server's clock need not go with the last one's.
    if (reply.epoch !== this.epoch) {
      this.redis = unknownClock;
      this.heardPauseUntilUs = 0;
    }
    this.epoch = reply.epoch;
    this.redis = heard(this.redis, reply.nowUs, this.clock.monotonicMs() * 1000);
    this.heardAt = sentAt;
    this.heardUs = reply.nowUs;
    this.lastTrip = { ...sentAt, redisUs: reply.nowUs };
    this.reachUs = reply.reachUs;
    this.limit = reply.limit;
    this.bookedUntilUs = reply.nowUs + reply.aheadUs;
    this.hearPause(reply.pausedUntilUs);
  }

  /**
   * How much longer a trip that has waited for more calls since `gatheredMs`, and may for `mostMs`, loses nothing by it:
   * while the grid is given out well ahead. Not above 0 when it had better go at once.
   */
  spareMs(gatheredMs: number, mostMs: number): number {
    const nowUs = this.nowUs();
    if (nowUs === null || mostMs <= 0) return 0;
    const reachMs = this.reachUs / 1000;
    // Who has gathered for long wants more given out, so that processes go one by one, the longest waiting first.
    const rise = (reachMs * keepMore) / mostMs;
    const aheadMs = (this.bookedUntilUs - nowUs) / 1000;
    const spareMs = (aheadMs - reachMs * keepAhead - rise * gatheredMs) / (1 + rise);
    return Math.min(spareMs, mostMs - gatheredMs);
  }

  /** True when it tells of a pause that was not known. */
  overhear(news: Announcement): boolean {
    if (news.epoch !== this.epoch) return false;
    this.hearOf(news);
    const isNews = news.pausedUntilUs > this.pausedUntilUs;
    this.hearPause(news.pausedUntilUs);
    return isNews;
  }

  /**
   * It is as new as Redis's clock says: the time that has passed there since our own last trip has passed here too. An
   * old trip is no yardstick, since clocks part; and nothing is taken for newer than now.
   */
  private hearOf({ nowUs, aheadUs }: Announcement): void {
    const { lastTrip } = this;
    if (lastTrip === null || nowUs === null || nowUs <= this.heardUs) return;
    const passedMs = (nowUs - lastTrip.redisUs) / 1000;
    if (passedMs > yardstickMs) return;
    const { wallMs, localMs } = this.stamp();
    this.heardUs = nowUs;
    this.heardAt = {
      wallMs: Math.min(wallMs, lastTrip.wallMs + passedMs),
      localMs: Math.min(localMs, lastTrip.localMs + passedMs),
    };
    this.bookedUntilUs = nowUs + aheadUs;
  }

  get pausedUntilUs(): number {
    return Math.max(this.heardPauseUntilUs, this.timeUs(this.toldPauseUntilLocalMs) ?? 0);
  }

  pause(untilLocalMs: number): void {
    this.toldPauseUntilLocalMs = Math.max(this.toldPauseUntilLocalMs, untilLocalMs);
  }

  private hearPause(untilUs: number): void {
    this.heardPauseUntilUs = Math.max(this.heardPauseUntilUs, untilUs);
  }

  stamp(): Stamp {
    return { wallMs: this.clock.nowMs(), localMs: this.clock.monotonicMs() };
  }

  /**
   * Whether a slot may be used on the strength of what was heard. A machine that was suspended notices by its wall
   * clock, so the longer of the two counts; a wall clock that is set back does not matter.
   */
  isFresh(): boolean {
    if (this.heardAt === null) return false;
    const { wallMs, localMs } = this.stamp();
    return Math.max(wallMs - this.heardAt.wallMs, localMs - this.heardAt.localMs) <= this.contactMs;
  }

  /** Null before the first reply. Never ahead of Redis's own time. */
  nowUs(): number | null {
    return this.timeUs(this.clock.monotonicMs());
  }

  timeUs(localMs: number): number | null {
    return redisTimeUs(this.redis, localMs * 1000);
  }

  /** In the caller's clock, rounded up. */
  wallMs(redisUs: number): number {
    return Math.ceil(this.clock.nowMs() + (redisUs - (this.nowUs() ?? redisUs)) / 1000);
  }
}
