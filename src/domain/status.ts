/**
 * The statuses of a run, as callers see them.
 *
 * ```
 * accepted → creating → queued → in_progress ⇄ requires_action → … → a terminal status
 *                                 cancelling ↗
 * ```
 */

export const runKinds = ['responses', 'assistants'] as const;
export type RunKind = (typeof runKinds)[number];

/** What a provider says of a run that is still going. */
export const runningStatuses = ['queued', 'in_progress', 'requires_action', 'cancelling'] as const;
export type RunningStatus = (typeof runningStatuses)[number];

/** What a provider says of a run that is over. */
export const providerEndings = ['completed', 'failed', 'incomplete', 'cancelled', 'expired'] as const;
export type ProviderEnding = (typeof providerEndings)[number];

/**
 * The terminal statuses: the provider's own, and three of ours.
 * - `timed_out`: our deadline passed, and the provider's run was cancelled.
 * - `lost`: the provider no longer knows the run, after the grace window.
 * - `rejected`: the provider refused the request (400, 401, 403, 404 …).
 */
export const terminalStatuses = [...providerEndings, 'timed_out', 'lost', 'rejected'] as const;
export type TerminalStatus = (typeof terminalStatuses)[number];

/** Ended without an answer, and not because its caller said so: dead letters, until they are redriven. */
export const deadStatuses = ['failed', 'expired', 'timed_out', 'lost', 'rejected'] as const;

export const openStatuses = ['accepted', 'creating', ...runningStatuses] as const;

export const runStatuses = [...openStatuses, ...terminalStatuses] as const;
export type RunStatus = (typeof runStatuses)[number];

const terminal: ReadonlySet<string> = new Set(terminalStatuses);

/** True when nothing more will happen to a run of this status. */
export function isTerminal(status: RunStatus): status is TerminalStatus {
  return terminal.has(status);
}
