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

export class Contact {
  epoch = '';
  pausedUntilUs = 0;
  reachUs = 0;
  limit = 0;
  /** Until when the grid was given out when last heard of. */
  bookedUntilUs = 0;
  private redis: RedisClock = unknownClock;
  private heardAt: { readonly wallMs: number; readonly localMs: number } | null = null;
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
  hear(reply: StepReply, sentAt: { readonly wallMs: number; readonly localMs: number }): void {
    // Another server's clock need not go with the last one's.
    if (reply.epoch !== this.epoch) {
      this.redis = unknownClock;
      this.pausedUntilUs = 0;
    }
    this.epoch = reply.epoch;
    this.redis = heard(this.redis, reply.nowUs, this.clock.monotonicMs() * 1000);
    this.heardAt = sentAt;
    this.reachUs = reply.reachUs;
    this.limit = reply.limit;
    this.bookedUntilUs = reply.nowUs + reply.aheadUs;
    this.pause(reply.pausedUntilUs);
  }

  pause(untilUs: number): void {
    this.pausedUntilUs = Math.max(this.pausedUntilUs, untilUs);
  }

  stamp(): { readonly wallMs: number; readonly localMs: number } {
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
