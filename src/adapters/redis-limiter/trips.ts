/**
 * Trips to Redis, one at a time: whatever gathers while one is out goes with the next. While slots are given out well
 * ahead, a trip waits for more calls to gather.
 */

import type { Answer, Ask } from '../../domain/limiter/booking.ts';
import type { PerClass } from '../../domain/limiter/classes.ts';
import { emptyRequest, type StepReply, type StepRequest } from '../../domain/limiter/step.ts';
import type { Call } from './calls.ts';
import { changePlaces } from './places.ts';
import type { Contact } from './contact.ts';
import { Sightings } from './sightings.ts';

/** A trip blocks Redis for everybody, so it is kept short; the rest goes with the next. */
const mostCallsATrip = 200;
const settleWithinMs = 500;
/** Calls that go freely are told so soon: by then a limit may be known. */
const countWithinMs = 200;
/** A pause that Redis did not take is told again, for as long as it lasts. */
const pauseAgainMs = 100;
/** With so many a trip is worth its price, however little it can wait. */
const enoughForATrip = 64;
/** How long calls gather, in reaches: so many take a trip soon; of fewer each would cost a good part of one. */
const gatherFor = { many: 0.8, few: 2 };
const many = 12;
const longestGatheringMs = 8000;

export interface TripsOptions {
  readonly step: (request: StepRequest) => Promise<StepReply>;
  readonly contact: Contact;
  /** Longer than this without a reply, and the calls are refused. */
  readonly timeoutMs: number;
  readonly answered: (call: Call, answer: Answer) => void;
  readonly refused: (call: Call) => void;
  readonly done: () => void;
  readonly failed: () => void;
}

export class Trips {
  readonly sightings = new Sightings();
  private readonly options: TripsOptions;
  private calls: Call[] = [];
  /** Slots of the epoch that was last heard of. */
  private back: number[] = [];
  private settlements = new Map<string, number>();
  private sent: PerClass = [0, 0, 0, 0, 0];
  private pauseUntilLocalMs = 0;
  private scheduled: NodeJS.Immediate | null = null;
  private wantsAnother = false;
  private tellTimer: NodeJS.Timeout | null = null;
  private countTimer: NodeJS.Timeout | null = null;
  private gatherTimer: NodeJS.Timeout | null = null;
  private gatheringSinceMs: number | null = null;
  private goByLocalMs = Infinity;
  private underway: Promise<void> | null = null;
  private closed = false;

  constructor(options: TripsOptions) {
    this.options = options;
  }

  waiting(): readonly Call[] {
    return this.calls;
  }

  add(call: Call): void {
    if (this.closed) return this.options.refused(call);
    this.calls.push(call);
    if (call.urgent || this.calls.length >= enoughForATrip) return this.soon();
    // Somebody knows that it is worth it.
    this.gather(call.first ? this.reachesMs(gatherFor.many) : Infinity);
  }

  /** A slot of the shared grid, and of the epoch that was last heard of, that will not be used. */
  giveBack(slotUs: number): void {
    if (this.closed) return;
    this.back.push(slotUs);
    // Early enough for others to make use of it.
    this.gather((slotUs - (this.options.contact.nowUs() ?? slotUs)) / 2000);
  }

  settle(id: string, tokens: number): void {
    if (this.closed) return;
    this.settlements.set(id, Math.max(0, tokens));
    // Others travel with calls; this one is no reason for a trip of its own, but must not wait for ever either.
    this.tellTimer ??= setTimeout(() => this.soon(), settleWithinMs);
  }

  /** Calls that went without a permit. */
  count(classAtIndex: number): void {
    if (this.closed) return;
    this.sent[classAtIndex] = (this.sent[classAtIndex] ?? 0) + 1;
    this.countTimer ??= setTimeout(() => this.soon(), countWithinMs);
  }

  async pause(untilLocalMs: number): Promise<void> {
    this.pauseUntilLocalMs = Math.max(this.pauseUntilLocalMs, untilLocalMs);
    // What is under way was packed before.
    await this.underway;
    await this.now();
  }

  /** With everything else that this turn of the event loop brings up. */
  soon(): void {
    this.wantsAnother ||= this.underway !== null;
    this.check();
  }

  /** With what comes up while nothing is lost by waiting, but within `mostMs`. */
  private gather(mostMs: number): void {
    const { contact } = this.options;
    const nowMs = contact.localMs();
    this.goByLocalMs = Math.min(this.goByLocalMs, nowMs + mostMs);
    this.gatheringSinceMs ??= nowMs;
    const longestMs = this.reachesMs(this.calls.length < many ? gatherFor.few : gatherFor.many);
    const spareMs = contact.spareMs(nowMs - this.gatheringSinceMs, longestMs);
    const waitMs = Math.min(spareMs, this.goByLocalMs - nowMs);
    if (this.gatherTimer !== null) clearTimeout(this.gatherTimer);
    this.gatherTimer = null;
    if (waitMs <= 0) return this.soon();
    // Others may have had more given out meanwhile: then there is more time.
    this.gatherTimer = setTimeout(() => this.gather(Infinity), Math.max(1, waitMs));
  }

  private reachesMs(reaches: number): number {
    return Math.min((this.options.contact.reachUs / 1000) * reaches, longestGatheringMs);
  }

  /** Only to hear of Redis again: a trip that is under way will do. */
  check(): void {
    if (this.closed || this.scheduled !== null || this.underway !== null) return;
    this.scheduled = setImmediate(() => {
      void this.now();
    });
  }

  /** Never rejects: a failed trip has refused its calls. */
  now(): Promise<void> {
    if (this.scheduled !== null) clearImmediate(this.scheduled);
    this.scheduled = null;
    if (this.closed) return Promise.resolve();
    this.underway ??= this.go().finally(() => {
      this.underway = null;
      if (this.wantsAnother) this.soon();
      this.wantsAnother = false;
    });
    return this.underway;
  }

  async close(): Promise<void> {
    for (const call of this.calls.splice(0)) this.options.refused(call);
    // A pause that waited for the trip under way makes one more, to be told to everybody.
    while (this.underway !== null) await this.underway;
    this.closed = true;
    if (this.scheduled !== null) clearImmediate(this.scheduled);
    if (this.gatherTimer !== null) clearTimeout(this.gatherTimer);
    this.takeSent();
    for (const call of this.calls.splice(0)) this.options.refused(call);
    const settle = this.takeSettlements();
    if (this.back.length === 0 && settle.length === 0) return;
    const backEpoch = this.options.contact.epoch;
    const request = { ...emptyRequest, back: this.back, backEpoch, settle };
    // A slot that cannot be given back is lost, which is harmless.
    await this.inTime(this.options.step(request)).catch(() => {});
  }

  private async go(): Promise<void> {
    const { contact, answered, refused, done, failed } = this.options;
    if (this.gatherTimer !== null) clearTimeout(this.gatherTimer);
    this.gatherTimer = null;
    this.gatheringSinceMs = null;
    this.goByLocalMs = Infinity;
    // Urgent ones first, then those that are known to be worth it, then those that have waited.
    changePlaces(this.calls, contact.nowUs());
    this.calls.sort((a, b) => order(a) - order(b) || a.priority - b.priority);
    const calls = this.calls.splice(0, mostCallsATrip);
    this.wantsAnother = this.calls.length > 0;
    const back = this.back;
    this.back = [];
    const seen = this.sightings.take();
    const settle = this.takeSettlements();
    const sent = this.takeSent();
    const sentAt = contact.stamp();
    const { pauseUntilLocalMs } = this;
    const pauseMs = pauseUntilLocalMs - contact.localMs();
    const request: StepRequest = {
      asks: calls.map(askOf),
      back,
      // What was given back is forgotten when the epoch changes.
      backEpoch: contact.epoch,
      pauseUs: Math.max(0, Math.ceil(pauseMs * 1000)),
      seen,
      settle,
      sent,
    };
    const giveBackLate = (late: StepReply): void => {
      if (late.epoch !== contact.epoch || this.closed) return;
      for (const [i, answer] of late.answers.entries())
        if (answer.type === 'slot' && calls[i]?.shared !== false) this.giveBack(answer.atUs);
    };
    const reply = await this.tryStep(request, giveBackLate);
    if (reply === null) {
      this.sightings.restore(seen);
      for (const { id, tokens } of settle) if (!this.settlements.has(id)) this.settlements.set(id, tokens);
      for (const [index, count] of sent.entries()) this.sent[index] = (this.sent[index] ?? 0) + count;
      for (const call of calls) refused(call);
      if (pauseMs > 0) {
        if (this.tellTimer !== null) clearTimeout(this.tellTimer);
        this.tellTimer = setTimeout(() => this.soon(), pauseAgainMs);
      }
      failed();
      return;
    }
    if (reply.epoch !== contact.epoch) this.back = [];
    contact.hear(reply, sentAt);
    // A longer one, told meanwhile, goes with the next trip.
    if (this.pauseUntilLocalMs === pauseUntilLocalMs) this.pauseUntilLocalMs = 0;
    for (const [i, call] of calls.entries()) {
      const answer = reply.answers[i];
      if (answer === undefined) refused(call);
      else answered(call, answer);
    }
    done();
  }

  private async tryStep(
    request: StepRequest,
    giveBackLate: (late: StepReply) => void,
  ): Promise<StepReply | null> {
    const trip = this.options.step(request);
    try {
      return await this.inTime(trip);
    } catch {
      // Done after all, but too late for its calls: what it reserved is for others.
      void trip.then(giveBackLate).catch(() => {});
      return null;
    }
  }

  private async inTime<T>(promise: Promise<T>): Promise<T> {
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      timeout.reject(new Error('Redis did not answer in time.'));
    }, this.options.timeoutMs);
    try {
      return await Promise.race([promise, timeout.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  private takeSent(): PerClass {
    const { sent } = this;
    this.sent = [0, 0, 0, 0, 0];
    if (this.countTimer !== null) clearTimeout(this.countTimer);
    this.countTimer = null;
    return sent;
  }

  private takeSettlements(): { id: string; tokens: number }[] {
    const all = [...this.settlements].map(([id, tokens]) => ({ id, tokens }));
    this.settlements = new Map();
    if (this.tellTimer !== null) clearTimeout(this.tellTimer);
    this.tellTimer = null;
    return all;
  }
}

function order(call: Call): number {
  if (call.urgent) return 0;
  if (call.first) return 1;
  return call.returning ? 2 : 3;
}

function askOf(call: Call): Ask {
  const { classIndex, returning, tokens, id } = call;
  return { classIndex, kind: returning ? 'returning' : 'fresh', tokens, id };
}
