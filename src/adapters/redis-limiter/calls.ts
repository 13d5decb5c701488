/** A call between its ask and its permit, and those that hold a slot that is about to come. */

import type { CallClass } from '../../domain/limiter/classes.ts';
import type { Permit } from '../../ports/rate-gate.ts';
import type { Ticket } from '../../domain/limiter/ticket.ts';

export interface Call {
  readonly callClass: CallClass;
  readonly classIndex: number;
  /** A submit or a cancel. */
  readonly urgent: boolean;
  /** It goes before the others of its class. */
  readonly first: boolean;
  /** 0 goes first. */
  readonly priority: number;
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

/** Who goes first when slots change hands: submits and cancels, then what is known to be worth it. */
export function rankOf({ urgent, first }: Call): number {
  if (urgent) return 2;
  return first ? 1 : 0;
}

/** Tokens were reserved for one create, at one slot. */
function mayChange({ shared, tokens }: Call): boolean {
  return shared && tokens === 0;
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

  /** Takes out the earliest call with a slot before `beforeUs` that goes after this one. */
  takeYielding(to: Call, beforeUs: number): HeldCall | undefined {
    return this.take(({ call, slotUs }) => mayChange(call) && slotUs < beforeUs && rankOf(call) < rankOf(to));
  }

  /** Takes out the earliest call with a slot after `afterUs` that goes before this one. */
  takePreceding(by: Call, afterUs: number): HeldCall | undefined {
    return this.take(({ call, slotUs }) => mayChange(call) && slotUs > afterUs && rankOf(call) > rankOf(by));
  }

  private take(fits: (entry: HeldCall) => boolean): HeldCall | undefined {
    const at = this.entries.findIndex(fits);
    return at < 0 ? undefined : this.entries.splice(at, 1)[0];
  }
}
