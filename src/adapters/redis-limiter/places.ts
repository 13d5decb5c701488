/** A run that is more urgent takes the place of one that has come back, which then queues in its stead. */

import { callClasses } from '../../domain/limiter/classes.ts';
import type { Call } from './calls.ts';

/** Who has waited for so long is passed no more, so that nobody waits for ever. */
const passedForUs = 60_000_000;

/**
 * Of calls that ask in one trip. Whoever comes back has stood in the queue of its class, and its turn is worth as much
 * to another of the class. As many come back as before: no share and no window changes.
 */
export function changePlaces(calls: readonly Call[], nowUs: number | null): void {
  if (nowUs === null) return;
  for (const callClass of callClasses) {
    const some = calls.filter((call) => call.callClass === callClass && !call.urgent && !call.first);
    const fresh = some.filter(({ returning }) => !returning).sort((a, b) => a.priority - b.priority);
    const back = some.filter((call) => mayBePassed(call, nowUs)).sort((a, b) => b.priority - a.priority);
    for (const [i, call] of fresh.entries()) {
      const other = back[i];
      if (other === undefined || other.priority <= call.priority) break;
      call.returning = true;
      other.returning = false;
    }
  }
}

/** One that missed a slot has been passed already. */
function mayBePassed({ returning, stays, ticket }: Call, nowUs: number): boolean {
  return returning && !stays && ticket !== null && ticket.sinceUs > nowUs - passedForUs;
}
