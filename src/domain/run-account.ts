/** Which account a run is on. */

import type { FaultDetails } from './fault.ts';
import type { RunState } from './run.ts';

/** From the create on, the name never changes. */
export function onAccount(state: RunState, name: string): RunState {
  return { ...state, account: name };
}

/** Of a run whose account nobody here holds a key of; nothing was sent. */
export function unknownAccount(name: string): FaultDetails {
  return {
    // Whatever was sent before may have had its effect: a create of unknown fate stays one.
    type: 'unclear',
    code: 'unknown_account',
    message: `There is no account or pool "${name}" here. Name one of RUNFLEET_ACCOUNTS or RUNFLEET_POOLS.`,
    httpStatus: null,
    retryAfterMs: null,
  };
}
