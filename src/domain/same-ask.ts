/** Whether a provider asks again for what was just answered, or for something new. */

import type { ToolCall } from './snapshot.ts';
import { slimCalls, type SubmittedRound } from './tools.ts';

/** Each call once: some providers repeat one. */
export function distinctCalls(calls: readonly ToolCall[]): readonly ToolCall[] {
  return [...new Map(calls.map((call) => [call.id, call])).values()];
}

/** What there is to tell two asks apart whose calls have the same ids: some servers count them anew in every round. */
export function askKey(calls: readonly ToolCall[]): number {
  const text = JSON.stringify(slimCalls(calls).map(({ name, arguments: args }) => [name, args]));
  // FNV-1a
  let hash = 0x81_1c_9d_c5;
  for (let at = 0; at < text.length; at += 1)
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01_00_01_93) >>> 0;
  return hash;
}

export function isSameAsk({ callIds, key }: SubmittedRound, calls: readonly ToolCall[]): boolean {
  const own = distinctCalls(calls);
  if (own.length === 0 || own.length !== callIds.length) return false;
  if (!own.every(({ id }) => callIds.includes(id))) return false;
  return key === undefined || key === askKey(own);
}
