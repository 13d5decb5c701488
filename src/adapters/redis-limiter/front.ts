/**
 * The process's side of the limiter: gathers what is asked for into few trips, waits out what is near, and tells the
 * others when to come back. See docs/limiter.md.
 */

import type { Answer } from '../../domain/limiter/booking.ts';
import { type CallClass, classAt, classIndex, isUrgent } from '../../domain/limiter/classes.ts';
import type { Permit, ObservedAnswer, PermitAsk, RateGate } from '../../ports/rate-gate.ts';
import { cameBack, firstLead, type Lead, leadMs } from '../../domain/limiter/lead.ts';
import { longestPauseUs, type StepReply, type StepRequest } from '../../domain/limiter/step.ts';
import { latenessMs, type LimiterSettings } from '../../domain/limiter/terms.ts';
import { readTicket, slotPhase, type Ticket } from '../../domain/limiter/ticket.ts';
import { type Call, type HeldCall, HeldCalls, rankOf } from './calls.ts';
import { type Announcement, Contact, type LimiterClock } from './contact.ts';
import type { LimiterObserver } from './observer.ts';
import { Full } from './full.ts';
import { Permits } from './permits.ts';
import { Trips } from './trips.ts';

/** A slot nearer than this is waited for here: leaving and coming back costs more than it frees. */
const leastHoldMs = 250;

export interface FrontOptions {
  readonly settings: LimiterSettings;
  readonly clock: LimiterClock;
  readonly observer: LimiterObserver;
  /** One trip. */
  readonly step: (request: StepRequest) => Promise<StepReply>;
}

export class Front implements RateGate {
  readonly contact: Contact;
  private readonly options: FrontOptions;
  private readonly permits: Permits;
  private readonly trips: Trips;
  private readonly full: Full;
  private readonly held = new HeldCalls();
  /** Their tickets name slots, and Redis was not heard of lately enough to trust them. */
  private unchecked: Call[] = [];
  private lead: Lead = firstLead;
  private timer: NodeJS.Timeout | null = null;
  private isReachable = true;
  private closed = false;

  constructor(options: FrontOptions) {
    this.options = options;
    this.contact = new Contact(options.clock, options.settings.contactMs);
    this.permits = new Permits(this.contact, options.clock, options.observer, options.settings.contactMs);
    this.full = new Full((call) => this.trips.add(call));
    this.trips = new Trips({
      step: options.step,
      contact: this.contact,
      timeoutMs: options.settings.contactMs,
      answered: (call, answer) => this.answered(call, answer),
      refused: (call) => this.permits.refuse(call),
      done: () => this.afterTrip(),
      failed: () => this.afterFailure(),
    });
  }

  /** Calls that are in this process's hands now, by class. */
  waitingHere(): Readonly<Record<CallClass, number>> {
    const counts = { create: 0, look: 0, submit: 0, cancel: 0, other: 0 };
    for (const call of [
      ...this.held.calls(),
      ...this.unchecked,
      ...this.full.calls(),
      ...this.trips.waiting(),
    ])
      counts[call.callClass]++;
    return counts;
  }

  acquire(ask: PermitAsk): Promise<Permit> {
    return new Promise((resolve) => {
      this.admit(this.callOf(ask, resolve));
    });
  }

  giveBack(ticketText: string): void {
    const ticket = readTicket(ticketText);
    if (ticket === null || ticket.epoch !== this.contact.epoch || !this.isShared(classAt(ticket.classIndex)))
      return;
    if (ticket.slotUs === null) return;
    this.trips.giveBack(ticket.slotUs);
  }

  observe(answer: ObservedAnswer): void {
    const nowUs = this.contact.nowUs();
    if (nowUs !== null && this.trips.sightings.add(answer, nowUs)) this.trips.soon();
  }

  /** A call that went without a permit, since nothing was known of a limit. */
  countFree(callClass: CallClass): void {
    this.trips.count(classIndex(callClass));
  }

  async pauseUntil(untilMs: number): Promise<void> {
    const forMs = Math.min(untilMs - this.options.clock.nowMs(), longestPauseUs / 1000);
    if (forMs <= 0) return;
    const untilLocalMs = this.contact.localMs() + forMs;
    this.contact.pause(untilLocalMs);
    this.useSlots();
    await this.trips.pause(untilLocalMs);
  }

  /** What a trip of another process was told. */
  announced(news: Announcement): void {
    if (this.contact.overhear(news)) this.useSlots();
  }

  settleTokens(id: string, tokens: number): void {
    this.trips.settle(id, tokens);
  }

  /** Asks Redis once, so that the first call need not wait for it; rejects when it cannot be reached. */
  async warmUp(): Promise<void> {
    await this.trips.now();
    if (!this.contact.isFresh()) throw new Error('The limiter cannot reach Redis.');
  }

  /** Refuses what waits (with its tickets), gives back what is left, and makes no more trips. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.sendAll();
    await this.trips.close();
    // The last trip, which was under way, has answered some more.
    this.sendAll();
  }

  private sendAll(): void {
    for (const { call, slotUs } of this.held.takeAll()) this.permits.park(call, slotUs, leadMs(this.lead));
    for (const call of [...this.unchecked.splice(0), ...this.full.takeAll()]) this.permits.refuse(call);
  }

  private callOf(ask: PermitAsk, resolve: Call['resolve']): Call {
    const { callClass } = ask;
    const ticket = readTicket(ask.ticket);
    return {
      callClass,
      classIndex: classIndex(callClass),
      urgent: isUrgent(callClass),
      first: ask.first === true,
      priority: ask.priority ?? 0,
      shared: this.isShared(callClass),
      tokens: Math.max(0, Math.ceil(ask.tokens?.estimate ?? 0)),
      id: ask.tokens?.id ?? '',
      ticket,
      ticketText: ask.ticket,
      askedLocalMs: this.contact.localMs(),
      // Those that come back go before those that come: that is where it belongs.
      returning: ask.first === true || (ticket !== null && ticket.dueUs > 0),
      stays: false,
      resolve,
    };
  }

  private isShared(callClass: CallClass): boolean {
    const { freeClasses, classRequests } = this.options.settings;
    return !freeClasses.includes(callClass) && !((classRequests[callClass] ?? 0) > 0);
  }

  /** A slot is good for any class of its grid, but tokens were reserved for one create only. */
  private fits(call: Call, ticket: Ticket): boolean {
    if (ticket.classIndex === call.classIndex) return true;
    return call.tokens === 0 && call.shared && this.isShared(classAt(ticket.classIndex));
  }

  private admit(call: Call): void {
    const { ticket } = call;
    if (this.closed) return this.permits.refuse(call);
    if (ticket === null || ticket.dueUs === 0) return this.need(call);
    if (!this.contact.isFresh()) {
      this.unchecked.push(call);
      return this.trips.check();
    }
    const nowUs = this.contact.nowUs() ?? 0;
    const isOfNow = ticket.epoch === this.contact.epoch;
    const earlyUs = ticket.dueUs - nowUs;
    if (isOfNow && earlyUs <= 0) this.lead = cameBack(this.lead, -earlyUs / 1000);
    if (ticket.slotUs !== null && isOfNow && this.fits(call, ticket))
      return this.deliver(call, ticket.slotUs);
    // Woken before its turn: it keeps its place.
    if (ticket.slotUs === null && isOfNow && rankOf(call) === 0 && earlyUs > leastHoldMs * 1000)
      return this.permits.comeBack(
        call,
        ticket.dueUs,
        this.contact.pausedUntilUs > nowUs ? 'paused' : 'quota',
      );
    this.need(call);
  }

  /** It has no slot: the next trip asks for one. */
  private need(call: Call): void {
    if (!this.full.add(call)) this.trips.add(call);
  }

  private answered(call: Call, answer: Answer): void {
    if (answer.type === 'slot') return this.deliver(call, answer.atUs);
    if (answer.type === 'far') return this.permits.sendAway(call, answer.atUs, answer.reason);
    if (answer.reason === 'quota') {
      const waitMs = (answer.atUs - (this.contact.nowUs() ?? 0)) / 1000;
      // The grid is full for a moment: those that came back wait here, and ask together.
      if (waitMs <= Math.max(500, this.contact.reachUs / 2000) && this.full.begin(call, waitMs)) return;
    }
    this.permits.comeBack(call, answer.atUs, answer.reason);
  }

  private deliver(call: Call, slotUs: number): void {
    const nowUs = this.contact.nowUs() ?? 0;
    const phase = slotPhase(slotUs, nowUs, latenessMs(this.options.settings) * 1000);
    if (phase === 'stale' || this.contact.pausedUntilUs > Math.max(slotUs, nowUs)) {
      call.stays = call.stays || phase === 'stale';
      call.returning = true;
      return this.trips.add(call);
    }
    const other = this.partnerOf(call, slotUs);
    if (other !== undefined && other.epoch === this.contact.epoch) {
      // They change places, and no slot is lost.
      const goesFirst = rankOf(call) > rankOf(other.call);
      this.hold(goesFirst ? call : other.call, Math.min(slotUs, other.slotUs));
      return this.holdOrPark(goesFirst ? other.call : call, Math.max(slotUs, other.slotUs));
    }
    if (other !== undefined) this.held.add(other);
    this.holdOrPark(call, slotUs);
  }

  private partnerOf(call: Call, slotUs: number): HeldCall | undefined {
    if (!call.shared || call.tokens > 0) return undefined;
    return this.held.takeYielding(call, slotUs) ?? this.held.takePreceding(call, slotUs);
  }

  private holdOrPark(call: Call, slotUs: number): void {
    const aheadMs = (slotUs - (this.contact.nowUs() ?? 0)) / 1000;
    const near = aheadMs <= Math.max(leastHoldMs, 2 * leadMs(this.lead));
    if (near || call.urgent || call.stays) this.hold(call, slotUs);
    else this.permits.park(call, slotUs, leadMs(this.lead));
  }

  private hold(call: Call, slotUs: number): void {
    this.held.add({ call, slotUs, epoch: this.contact.epoch });
    if (this.held.first()?.call === call) this.useSlots();
  }

  /** Grants what is due, and sets the timer for what is next. Never before its slot, never on old news. */
  private useSlots(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (this.closed) return;
    const { contact, held } = this;
    const latenessUs = latenessMs(this.options.settings) * 1000;
    for (let entry = held.first(); entry !== undefined; entry = held.first()) {
      const nowUs = contact.nowUs() ?? 0;
      const { call, slotUs, epoch } = entry;
      const phase = slotPhase(slotUs, nowUs, latenessUs);
      const isVoid =
        epoch !== contact.epoch || phase === 'stale' || contact.pausedUntilUs > Math.max(slotUs, nowUs);
      if (isVoid) {
        held.shift();
        call.returning = true;
        call.stays = call.stays || phase === 'stale';
        this.trips.add(call);
        continue;
      }
      if (phase === 'early') {
        this.timer = setTimeout(() => this.useSlots(), Math.max(1, (slotUs - nowUs) / 1000));
        break;
      }
      if (!contact.isFresh()) {
        this.trips.check();
        break;
      }
      held.shift();
      this.permits.grant(call);
    }
  }

  private noteReachable(isReachable: boolean): void {
    if (isReachable === this.isReachable) return;
    this.isReachable = isReachable;
    this.options.observer.reachable(isReachable);
  }

  private afterTrip(): void {
    this.noteReachable(true);
    for (const call of this.unchecked.splice(0)) this.admit(call);
    this.useSlots();
  }

  private afterFailure(): void {
    this.noteReachable(false);
    for (const call of this.unchecked.splice(0)) this.permits.refuse(call);
    if (this.contact.isFresh()) return this.useSlots();
    for (const { call } of this.held.takeAll()) this.permits.refuse(call);
  }
}
