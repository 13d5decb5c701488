import { type RunSpec, type RunState, statusOf } from '../domain/run.ts';
import { isTerminal } from '../domain/status.ts';
import type { CallbackPayload, CallbackType } from '../domain/wire/callback.ts';
import type { CallbackMessage, CallbackSender } from '../ports/callback-sender.ts';
import type { Clock } from '../ports/clock.ts';
import type { RunRecord } from '../ports/run-store.ts';
import { asksItsCaller } from './tool-views.ts';
import { viewOf } from './view.ts';

/** Receivers commonly refuse bodies of a megabyte, and each is kept until it is delivered. Characters. */
const bodyLimit = 262_144;

/** What the caller's URL is to be told of the run as it is now: its end, or that it waits for its tools. Null: nothing. */
export function callbackOf(record: RunRecord, nowMs: number): CallbackMessage | null {
  const { spec, state, outcome } = record;
  const status = outcome?.status ?? statusOf(state);
  if (spec.callbackUrl === null || (!isTerminal(status) && status !== 'requires_action')) return null;
  if (status === 'requires_action' && !asksItsCaller(record)) return null;
  const type: CallbackType = `run.${status}`;
  // A run asks for tools again only after it has sent something.
  const news = isTerminal(status) ? 'ended' : `action_${state.calls.create + state.calls.submit}`;
  return {
    id: `cb_${headerSafe(spec.id)}_${news}`,
    runId: spec.id,
    type,
    url: spec.callbackUrl,
    body: bodyOf(record, type, outcome?.detectedAtMs ?? nowMs),
  };
}

/** Tells that a run waits for its caller, where that is new. Before it parks: afterwards it could be forgotten. */
export async function tellCaller(
  spec: RunSpec,
  before: RunState,
  state: RunState,
  { callbacks, clock }: { readonly callbacks: CallbackSender; readonly clock: Clock },
): Promise<void> {
  const nowMs = clock.nowMs();
  const message = callbackOf({ spec, state, outcome: null }, nowMs);
  if (message === null || message.id === callbackOf({ spec, state: before, outcome: null }, nowMs)?.id)
    return;
  await callbacks.send(message);
}

function bodyOf(record: RunRecord, type: CallbackType, atMs: number): string {
  const head = { type, timestamp: new Date(atMs).toISOString() };
  const whole: CallbackPayload = { ...head, output_omitted: false, data: viewOf(record) };
  const text = JSON.stringify(whole);
  if (text.length <= bodyLimit) return text;
  const brief: CallbackPayload = { ...head, output_omitted: true, data: viewOf(record, 'brief') };
  return JSON.stringify(brief);
}

/** Foreign producers choose the ids of their runs freely; a header, a job's id and a signature do not bear them all. */
function headerSafe(id: string): string {
  return id.replaceAll(/[^\w-]/gu, (character) => `~${character.codePointAt(0)?.toString(16) ?? ''}~`);
}
