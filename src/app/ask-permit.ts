/** The permit of a run's next call: at the account that the run is on or, before its create, at one that will have it. */

import type { RunCall } from '../domain/decision.ts';
import type { HeldPermit, RunState } from '../domain/run.ts';
import type { Account, Accounts } from '../ports/accounts.ts';
import type { PermitAsk } from '../ports/rate-gate.ts';
import { classOf } from './run-calls.ts';
import { type TokenCost, tokensOf } from './tokens.ts';

interface RunAsking extends TokenCost {
  /** Before others that wait, though nobody has told of it. Default false. */
  readonly goesFirst?: boolean;
}

type Placed =
  | { readonly type: 'granted'; readonly account: Account; readonly waitedMs: number }
  /** `permit`: the place in the queue of this account; null for none. */
  | {
      readonly type: 'wait';
      readonly account: Account;
      readonly untilMs: number;
      readonly permit: HeldPermit | null;
      /** Paused, or not to be reached: there is no queue to stand in. */
      readonly isClosed: boolean;
    };

/** `unknown`: this process has no account of this name. */
export type Admission = Placed | { readonly type: 'unknown'; readonly name: string };

/** Rejects where a gate does. */
export async function askPermit(run: RunAsking, call: RunCall, accounts: Accounts): Promise<Admission> {
  const { spec, state } = run;
  const tokens = tokensOf(call, run);
  const ask = {
    callClass: classOf(call),
    ticket: null,
    priority: run.spec.priority,
    ...(tokens === null ? {} : { tokens }),
    ...(run.goesFirst === true || isAwaited(call, state) ? { first: true } : {}),
  };
  // A cancel may have come while a look was waiting: the look's place is left unused, which harms nobody.
  const ticket = state.permit?.callClass === ask.callClass ? state.permit.ticket : null;
  const unknown = { type: 'unknown', name: state.account ?? spec.account ?? 'default' } as const;

  const mayMove = state.phase === 'accepted';
  const here = mayMove && ticket === null ? null : accounts.of(state.account);
  const first = here === null ? null : await askAt(here, { ...ask, ticket });
  if (!mayMove || (first !== null && !isClosed(first))) return first ?? unknown;

  const candidates = accounts.candidates(spec.account, tokens?.estimate ?? 0);
  const others = candidates.filter((account) => account !== here);
  const placed = await firstOpen(others, ask, first);
  if (here !== null && placed?.account !== here) {
    if (ticket !== null) here.gate.giveBack(ticket);
    here.gate.settleTokens(spec.id, 0);
  }
  return placed ?? unknown;
}

/** Somebody told that there is something to be seen. */
function isAwaited(call: RunCall, state: RunState): boolean {
  return call === 'adopt' || (call === 'retrieve' && state.phase === 'following' && state.word !== undefined);
}

/** Where all are closed, the one that opens first. */
async function firstOpen(
  accounts: readonly Account[],
  ask: PermitAsk,
  before: Placed | null,
): Promise<Placed | null> {
  let soonest = before;
  for (const account of accounts) {
    const placed = await askAt(account, ask);
    if (placed.type === 'granted' || !placed.isClosed) return placed;
    if (soonest?.type !== 'wait' || placed.untilMs < soonest.untilMs) soonest = placed;
  }
  return soonest;
}

async function askAt(account: Account, ask: PermitAsk): Promise<Placed> {
  const permit = await account.gate.acquire(ask);
  if (permit.granted) return { type: 'granted', account, waitedMs: permit.waitedMs };
  const { atMs, ticket, reason } = permit;
  return {
    type: 'wait',
    account,
    untilMs: atMs,
    permit: ticket === null ? null : { callClass: ask.callClass, ticket },
    isClosed: reason === 'paused' || reason === 'unavailable',
  };
}

function isClosed(placed: Placed): boolean {
  return placed.type === 'wait' && placed.isClosed;
}
