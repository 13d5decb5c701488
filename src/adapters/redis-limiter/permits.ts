/** What a call is told in the end: go, or when to come back, with which ticket. */

import { writeTicket } from '../../domain/limiter/ticket.ts';
import type { Call } from './calls.ts';
import type { Contact, LimiterClock } from './contact.ts';
import type { LimiterObserver } from './observer.ts';

export class Permits {
  private readonly contact: Contact;
  private readonly clock: LimiterClock;
  private readonly observer: LimiterObserver;
  private readonly contactMs: number;
  private refusals = 0;

  constructor(contact: Contact, clock: LimiterClock, observer: LimiterObserver, contactMs: number) {
    this.contact = contact;
    this.clock = clock;
    this.observer = observer;
    this.contactMs = contactMs;
  }

  grant(call: Call): void {
    const waitedMs = Math.max(0, ((this.contact.nowUs() ?? 0) - this.sinceUs(call)) / 1000);
    this.observer.permitted(call.callClass, waitedMs / 1000);
    call.resolve({ granted: true, waitedMs });
  }

  /** With a slot: it is woken some time before it. */
  park(call: Call, slotUs: number, leadMs: number): void {
    this.send(call, slotUs - leadMs * 1000, 'quota', slotUs);
  }

  comeBack(call: Call, atUs: number, reason: 'quota' | 'paused' | 'tokens'): void {
    this.send(call, atUs, reason, null);
  }

  /** Without a place. */
  sendAway(call: Call, atUs: number, reason: 'quota' | 'paused'): void {
    this.send(call, atUs, reason, null, 0);
  }

  /** No permit without Redis. The ticket stays good if it comes back in time. */
  refuse(call: Call): void {
    this.observer.refused(call.callClass, 'unavailable');
    // Spread, so that a fleet does not come back as one.
    const afterMs = this.contactMs * (0.5 + (this.refusals++ % 16) / 16);
    const atMs = Math.ceil(this.clock.nowMs() + afterMs);
    call.resolve({ granted: false, atMs, reason: 'unavailable', ticket: call.ticketText });
  }

  private send(
    call: Call,
    atUs: number,
    reason: 'quota' | 'paused' | 'tokens',
    slotUs: number | null,
    dueUs = atUs,
  ): void {
    const { classIndex } = call;
    const { epoch } = this.contact;
    const ticket = writeTicket({ sinceUs: this.sinceUs(call), slotUs, dueUs, epoch, classIndex });
    this.observer.refused(call.callClass, reason);
    call.resolve({ granted: false, atMs: this.contact.wallMs(atUs), reason, ticket });
  }

  private sinceUs(call: Call): number {
    return call.ticket?.sinceUs ?? this.contact.timeUs(call.askedLocalMs) ?? 0;
  }
}
