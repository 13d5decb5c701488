/**
 * `runfleet/client`: hand runs to a fleet and learn how they ended. No dependencies; needs only `fetch`.
 *
 * Withheld on purpose: the transport and its retry arithmetic (use the options), and webhooks (the fleet's business).
 */

export { RunfleetClient } from './client.ts';
export type { RunfleetClientOptions } from './transport.ts';
export type { CallOptions, CreateOptions, Runs } from './runs.ts';
export type { Callbacks } from './callbacks.ts';
export type { WaitOptions } from './wait.ts';
export type { EventsOptions, RunEvent } from './events.ts';
export {
  isRunfleetApiError,
  isRunfleetClientError,
  RunfleetApiError,
  RunfleetBadRequestError,
  RunfleetBulkError,
  RunfleetClientError,
  RunfleetConflictError,
  RunfleetConnectionError,
  RunfleetNotFoundError,
  RunfleetUnauthorizedError,
  RunfleetUnavailableError,
  RunfleetUnexpectedAnswerError,
  RunfleetUsageError,
  RunfleetWaitTimeoutError,
} from './errors.ts';
export type { CreateManyResult } from './errors.ts';
export { hasEnded } from './types.ts';
export type {
  Callback,
  CallbackList,
  DurationClass,
  DurationList,
  EndedRun,
  Problem,
  Quota,
  Readiness,
  RunInput,
  RunKind,
  RunList,
  RunListQuery,
  RunStatus,
  RunView,
  TerminalStatus,
  ToolOutput,
} from './types.ts';
export type { Timing } from './retry.ts';
