/** Slots and places that this process has ahead of the calls that will need them: one trip for several calls. */

import type { Answer, Ask } from '../../domain/limiter/booking.ts';
import { callClasses } from '../../domain/limiter/classes.ts';
import type { Call } from './calls.ts';
import type { Contact } from './contact.ts';

/** Events a second, the older ones ever less. */
class Rate {
  private perMs = 0;
  private atMs = 0;

  note(nowMs: number): void {
    this.perMs = this.at(nowMs) + 1 / memoryMs;
    this.atMs = nowMs;
  }

  at(nowMs: number): number {
    return this.perMs * Math.exp(-(nowMs - this.atMs) / memoryMs);
  }
}

const memoryMs = 3000;
const mostLeased = 32;
/** In reaches: what is left of a lease by then goes back, early enough for others to make use of it. */
const returnAhead = 0.35;
/** In reaches: a slot so near goes to whoever comes, also to those who would have to queue. */
const nearAhead = 0.6;
/** In reaches: with less given out, calls that come first need not queue. As in `booking.ts`. */
const freshAhead = 0.9;

/** What one class has in stock of one thing. Times are Redis's, microseconds. */
export class Lease {
  private times: number[] = [];
  private readonly rate = new Rate();

  /** Somebody needs one. Undefined when there is none that lies ahead. */
  take(nowUs: number, localMs: number): number | undefined {
    this.rate.note(localMs);
    while ((this.times[0] ?? Infinity) < nowUs) this.times.shift();
    return this.times.shift();
  }

  put(times: readonly number[]): void {
    if (times.length > 0) this.times = [...this.times, ...times].sort((a, b) => a - b);
  }

  /** How many to ask for beside those that are needed now: what will be used within `forMs`. */
  shortOf(localMs: number, forMs: number): number {
    const wanted = Math.min(mostLeased, Math.round(this.rate.at(localMs) * forMs));
    return Math.max(0, wanted - this.times.length);
  }

  first(): number | undefined {
    return this.times[0];
  }

  /** Takes out what lies before `untilUs`. */
  takeUntil(untilUs: number): number[] {
    const taken = this.times.filter((atUs) => atUs < untilUs);
    this.times = this.times.filter((atUs) => atUs >= untilUs);
    return taken;
  }
}

/** All that is in stock, by class. Only slots of the shared grid and places of its queues are leased. */
export class Stock {
  private readonly slots = callClasses.map(() => new Lease());
  private readonly places = callClasses.map(() => new Lease());
  /** When the last call of a class that came first was told to come back: until then, others wait before it. */
  private readonly queuedUntilUs = callClasses.map(() => 0);
  private readonly far = callClasses.map(() => ({ untilUs: 0, afterUs: 0 }));
  private sentAway = 0;
  private back: number[] = [];
  private epoch = '';
  private readonly contact: Contact;

  constructor(contact: Contact) {
    this.contact = contact;
  }

  /** A slot or a place that was leased before; null when the call must be asked for. */
  takeFor(call: Call): Answer | null {
    const nowUs = this.contact.nowUs();
    if (nowUs === null || this.epoch !== this.contact.epoch) return null;
    if (!canLease(call) || call.tokens > 0 || this.contact.pausedUntilUs > nowUs) return null;
    const localMs = this.contact.localMs();
    const nextUs = this.slots[call.classIndex]?.first() ?? Infinity;
    const isNear = nextUs < nowUs + this.contact.reachUs * nearAhead;
    const isQueued = !call.returning && !isNear && this.queuedFor(call, nowUs);
    // There may be room meanwhile: whoever would have been told to come back may go first.
    if (isQueued && this.contact.bookedUntilUs < nowUs + this.contact.reachUs * freshAhead) return null;
    const lease = (isQueued ? this.places : this.slots)[call.classIndex];
    const atUs = lease?.take(nowUs, localMs);
    if (atUs === undefined) return isQueued ? this.farFor(call, nowUs) : null;
    return isQueued ? { type: 'later', atUs, reason: 'quota' } : { type: 'slot', atUs };
  }

  /** The queue of its class reaches beyond the horizon: for a while, those that come are told so without a trip. */
  noteFar(call: Call, atUs: number): void {
    const at = call.classIndex;
    this.queuedUntilUs[at] = Math.max(this.queuedUntilUs[at] ?? 0, atUs);
    const nowUs = this.contact.nowUs() ?? 0;
    if ((this.far[at]?.untilUs ?? 0) <= nowUs)
      this.far[at] = { untilUs: nowUs + this.contact.reachUs, afterUs: atUs - nowUs };
  }

  noteQueue(call: Call, atUs: number): void {
    if (call.returning) return;
    this.queuedUntilUs[call.classIndex] = Math.max(this.queuedUntilUs[call.classIndex] ?? 0, atUs);
  }

  /** What to lease in a trip that is made for these calls. */
  extras(calls: readonly Call[]): Ask[] {
    const localMs = this.contact.localMs();
    const reachMs = this.contact.reachUs / 1000;
    const asks: Ask[] = [];
    const add = (classAtIndex: number, kind: 'extra' | 'place', count: number): void => {
      for (let i = 0; i < count; i++) asks.push({ classIndex: classAtIndex, kind, tokens: 0, id: '' });
    };
    for (const at of new Set(calls.filter(canLease).map((call) => call.classIndex))) {
      add(at, 'extra', this.slots[at]?.shortOf(localMs, reachMs / 2) ?? 0);
      // A place that nobody takes costs nothing.
      add(at, 'place', this.places[at]?.shortOf(localMs, 2 * reachMs) ?? 0);
    }
    return asks;
  }

  put(asks: readonly Ask[], answers: readonly Answer[]): void {
    if (this.epoch !== this.contact.epoch) this.forget();
    const slots = callClasses.map((): number[] => []);
    const places = callClasses.map((): number[] => []);
    for (const [i, ask] of asks.entries()) {
      const answer = answers[i];
      if (answer?.type === 'slot') slots[ask.classIndex]?.push(answer.atUs);
      if (answer?.type === 'later') places[ask.classIndex]?.push(answer.atUs);
    }
    for (const at of callClasses.keys()) {
      this.slots[at]?.put(slots[at] ?? []);
      this.places[at]?.put(places[at] ?? []);
    }
  }

  giveBack(slots: readonly number[]): void {
    this.back.push(...slots);
  }

  /** What goes back now: what was given back, and leases that nobody will come for in time. */
  takeBack(): { readonly slots: readonly number[]; readonly epoch: string } {
    const nowUs = this.contact.nowUs() ?? 0;
    // Some more than are due, so that they go together.
    const soonUs = nowUs + this.contact.reachUs * (returnAhead + 0.1);
    for (const lease of this.slots) this.back.push(...lease.takeUntil(soonUs));
    const slots = this.back.filter((slotUs) => slotUs > nowUs);
    this.back = [];
    return { slots, epoch: this.epoch };
  }

  takeBackAll(): { readonly slots: readonly number[]; readonly epoch: string } {
    for (const lease of this.slots) this.back.push(...lease.takeUntil(Infinity));
    return this.takeBack();
  }

  /** When something must go back at the latest; null when there is nothing. */
  returnAtUs(): number | null {
    const firsts = this.slots.map((lease) => lease.first() ?? Infinity);
    const first = Math.min(...firsts);
    return Number.isFinite(first) ? first - this.contact.reachUs * returnAhead : null;
  }

  private farFor(call: Call, nowUs: number): Answer | null {
    const far = this.far[call.classIndex];
    if (far === undefined || far.untilUs <= nowUs) return null;
    // Spread, so that they do not come back as one.
    const atUs = nowUs + far.afterUs * (1 - (this.sentAway++ % 32) / 128);
    return { type: 'far', atUs, reason: 'quota' };
  }

  private queuedFor(call: Call, nowUs: number): boolean {
    return (this.queuedUntilUs[call.classIndex] ?? 0) > nowUs;
  }

  private forget(): void {
    this.epoch = this.contact.epoch;
    this.back = [];
    for (const lease of [...this.slots, ...this.places]) lease.takeUntil(Infinity);
    this.queuedUntilUs.fill(0);
    for (const far of this.far) far.untilUs = 0;
  }
}

function canLease(call: Call): boolean {
  return call.shared && !call.urgent;
}
