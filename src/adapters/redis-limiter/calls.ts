/** A call between its ask and its permit, and those that hold a slot that is about to come. */

import type { CallClass } from '../../domain/limiter/classes.ts';
import type { Permit } from '../../ports/rate-gate.ts';
import type { Ticket } from '../../domain/limiter/ticket.ts';

export interface Call {
  readonly callClass: CallClass;
  readonly classIndex: number;
  /** A submit or a cancel. */
  readonly urgent: boolean;
  /** On the grid that all classes share, so that slots may change hands. */
  readonly shared: boolean;
  readonly tokens: number;
  readonly id: string;
  readonly ticket: Ticket | null;
  readonly ticketText: string | null;
  readonly askedLocalMs: number;
  /** It has been told a time before. */
  returning: boolean;
  /** It missed its slot once: from now on it waits here. */
  stays: boolean;
  readonly resolve: (permit: Permit) => void;
}

export interface HeldCall {
  readonly call: Call;
  readonly slotUs: number;
  readonly epoch: string;
}

/** By slot, earliest first. Small: what is due within some hundred milliseconds. */
export class HeldCalls {
  private entries: HeldCall[] = [];

  calls(): Call[] {
    return this.entries.map(({ call }) => call);
  }

  first(): HeldCall | undefined {
    return this.entries[0];
  }

  add(entry: HeldCall): void {
    let at = this.entries.length;
    while (at > 0 && (this.entries[at - 1]?.slotUs ?? 0) > entry.slotUs) at--;
    this.entries.splice(at, 0, entry);
  }

  shift(): HeldCall | undefined {
    return this.entries.shift();
  }

  takeAll(): HeldCall[] {
    const all = this.entries;
    this.entries = [];
    return all;
  }

  /** Takes out the earliest that a more urgent call may change places with. */
  takeYielding(beforeUs: number): HeldCall | undefined {
    return this.take(
      ({ call, slotUs }) => !call.urgent && call.shared && call.tokens === 0 && slotUs < beforeUs,
    );
  }

  /** Takes out the earliest urgent call whose slot is later than `afterUs`. */
  takeUrgentLaterThan(afterUs: number): HeldCall | undefined {
    return this.take(({ call, slotUs }) => call.urgent && call.shared && slotUs > afterUs);
  }

  private take(fits: (entry: HeldCall) => boolean): HeldCall | undefined {
    const at = this.entries.findIndex(fits);
    return at < 0 ? undefined : this.entries.splice(at, 1)[0];
  }
}
