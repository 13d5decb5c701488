/**
 * What can go wrong in a call to a provider, sorted by what to do about it.
 *
 * Adapters turn every thrown thing into a `ProviderFault`; `decide` reads its `type` alone.
 */

export const faultTypes = [
  'unauthorized',
  'not_found',
  'throttled',
  'conflict',
  'refused',
  'unavailable',
  'unclear',
] as const;

/**
 * - `unauthorized`: 401, 403. The credential is wrong for all.
 * - `not_found`: 404.
 * - `throttled`: 429. Nothing was done; everybody pauses.
 * - `conflict`: something else holds the thread or conversation. Nothing was done; try again in seconds.
 * - `refused`: any other 4xx. The same request will be refused again.
 * - `unavailable`: the call certainly had no effect (never sent, or the API itself answered a 5xx). Try again.
 * - `unclear`: no answer, or not the API's own (timeout, reset, gateway page, garbage): it may have had its effect.
 */
export type FaultType = (typeof faultTypes)[number];

export interface FaultDetails {
  readonly type: FaultType;
  /** The provider's code, or ours in snake_case. */
  readonly code: string;
  readonly message: string;
  /** HTTP status; null when there was no answer. */
  readonly httpStatus: number | null;
  /** What the provider asked us to wait (`Retry-After`), milliseconds; null when it did not say. */
  readonly retryAfterMs: number | null;
}

/** Thrown by every method of a run provider, and by nothing else. */
export class ProviderFault extends Error {
  override readonly name = 'ProviderFault';
  readonly details: FaultDetails;

  constructor(details: FaultDetails, options?: ErrorOptions) {
    super(details.message, options);
    this.details = details;
  }
}

export function isProviderFault(error: unknown): error is ProviderFault {
  return error instanceof Error && error.name === 'ProviderFault';
}
