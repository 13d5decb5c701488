/** Tokens of a run's creates: reserved by an estimate, and settled by what each was told to have used. */

import type { RunCall } from '../domain/decision.ts';
import { isAsking } from '../domain/decide-tools.ts';
import type { HeldPermit, RunOutcome, RunSpec, RunState } from '../domain/run.ts';
import type { ToolOutput } from '../domain/tools.ts';
import type { Accounts } from '../ports/accounts.ts';
import type { TokenAsk } from '../ports/rate-gate.ts';
import type { ProviderRequest } from '../ports/run-provider.ts';

/** English text: about four characters a token. https://platform.openai.com/tokenizer */
const charactersPerToken = 4;

export interface TokenCost {
  readonly spec: RunSpec;
  readonly state: RunState;
  /** Null where no create can come of it. */
  readonly request: ProviderRequest | null;
  /** Of a submit. */
  readonly outputs: readonly ToolOutput[];
}

/** Null for a call that uses none: a submit does where it creates another response. */
export function tokensOf(call: RunCall, { spec, state, request, outputs }: TokenCost): TokenAsk | null {
  if (call === 'create') return { id: spec.id, estimate: estimateTokens(request ?? {}) };
  if (call !== 'submit' || !continues(state)) return null;
  const { input: _input, ...settings } = request ?? {};
  // The model reads again what came before.
  const carried = state.tools?.carriedTokens ?? 0;
  return { id: idOf(spec, state, 1), estimate: carried + estimateTokens({ ...settings, outputs }) };
}

/**
 * Tokens to reserve for a create: its input by size, and the largest output it asks for. Settled by the real usage.
 * What the provider adds by itself (instructions of an assistant, earlier turns) is not in sight here.
 */
function estimateTokens(request: ProviderRequest): number {
  const input = Math.ceil(JSON.stringify(request).length / charactersPerToken);
  const most = request['max_output_tokens'] ?? request['max_completion_tokens'];
  return input + (typeof most === 'number' && Number.isFinite(most) && most > 0 ? Math.ceil(most) : 0);
}

/** A response that asked for tools has told what it used. */
export function settleFormer(spec: RunSpec, before: RunState, after: RunState, accounts: Accounts): void {
  const used = formerTokens(after) - formerTokens(before);
  if (used > 0) accounts.of(after.account)?.gate.settleTokens(idOf(spec, after, 0), used);
}

/** The run is over, and with it its last create. `unused`: a permit for a call that will not be made. */
export function settleLast(
  spec: RunSpec,
  state: RunState,
  { usage }: RunOutcome,
  unused: HeldPermit | undefined,
  accounts: Accounts,
): void {
  const gate = accounts.of(state.account)?.gate;
  if (unused?.callClass === 'create') gate?.settleTokens(spec.id, 0);
  if (unused?.callClass === 'submit') gate?.settleTokens(idOf(spec, state, 1), 0);
  const used = (usage?.totalTokens ?? 0) - formerTokens(state);
  if (used > 0) gate?.settleTokens(idOf(spec, state, 0), used);
}

/** Whether the answers of its tools go to a run of their own. */
function continues(state: RunState): boolean {
  return state.phase === 'creating' || (isAsking(state) && state.asking.over === true);
}

function formerTokens({ tools }: RunState): number {
  return tools?.formerUsage?.totalTokens ?? 0;
}

/** Of the provider's run that the state is about, or so many after it. */
function idOf(spec: RunSpec, { tools }: RunState, ahead: number): string {
  const before = (tools?.formerRunIds.length ?? 0) + ahead;
  return before === 0 ? spec.id : `${spec.id}.${before}`;
}
