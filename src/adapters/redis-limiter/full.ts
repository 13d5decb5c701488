/** Calls that came back while the grid was full for a moment: they ask again together, in one trip. */

import { callClasses } from '../../domain/limiter/classes.ts';
import type { Call } from './calls.ts';

export class Full {
  private readonly waiting = callClasses.map((): Call[] => []);
  private readonly timers = callClasses.map((): NodeJS.Timeout | null => null);
  private readonly askAgain: (call: Call) => void;

  constructor(askAgain: (call: Call) => void) {
    this.askAgain = askAgain;
  }

  /** The grid was full for this call. False when it had better go and come back. */
  begin(call: Call, waitMs: number): boolean {
    if (!mayWait(call)) return false;
    const at = call.classIndex;
    this.waiting[at]?.push(call);
    this.timers[at] ??= setTimeout(() => this.end(at), Math.max(1, waitMs));
    return true;
  }

  /** Joins those that wait; false when nobody does. */
  add(call: Call): boolean {
    const at = call.classIndex;
    if (!mayWait(call) || this.timers[at] === null) return false;
    this.waiting[at]?.push(call);
    return true;
  }

  calls(): Call[] {
    return this.waiting.flat();
  }

  takeAll(): Call[] {
    for (const [at, timer] of this.timers.entries()) {
      if (timer !== null) clearTimeout(timer);
      this.timers[at] = null;
    }
    return this.waiting.flatMap((calls) => calls.splice(0));
  }

  private end(at: number): void {
    this.timers[at] = null;
    for (const call of this.waiting[at]?.splice(0) ?? []) this.askAgain(call);
  }
}

function mayWait(call: Call): boolean {
  return call.returning && call.shared && !call.urgent;
}
