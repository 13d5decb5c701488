import { Callbacks } from './callbacks.ts';
import { isDurationList, isQuota, isReadiness } from './parse.ts';
import type { CallOptions } from './runs.ts';
import { Runs } from './runs.ts';
import { Transport } from './transport.ts';
import type { RunfleetClientOptions } from './transport.ts';
import type { DurationList, Quota, Readiness } from './types.ts';

/**
 * A producer's view of the fleet. Holds no connection: nothing to close.
 *
 * ```ts
 * const fleet = new RunfleetClient({ apiKey });
 * const run = await fleet.runs.createAndWait({ request: { model: 'gpt-5', input: 'Hello' } });
 * ```
 */
export class RunfleetClient {
  readonly runs: Runs;
  readonly callbacks: Callbacks;
  readonly #transport: Transport;

  /** Throws a `RunfleetUsageError` for an address or key that cannot be used. */
  constructor(options: RunfleetClientOptions = {}) {
    this.#transport = new Transport(options);
    this.runs = new Runs(this.#transport);
    this.callbacks = new Callbacks(this.#transport);
  }

  get baseUrl(): string {
    return this.#transport.baseUrl;
  }

  /** The account's limits and their use, across the whole fleet. */
  async quota(options: CallOptions = {}): Promise<Quota> {
    const { body } = await this.#transport.request({
      method: 'GET',
      path: '/v1/quota',
      repeatable: true,
      signal: options.signal,
    });
    if (!isQuota(body)) throw this.#transport.unexpected();
    return body;
  }

  /** How long runs take, by class, as far as the fleet has learnt it; the classes last seen first. */
  async durations(
    options: CallOptions & { readonly limit?: number | undefined } = {},
  ): Promise<DurationList> {
    const { limit, signal } = options;
    const { body } = await this.#transport.request({
      method: 'GET',
      path: limit === undefined ? '/v1/durations' : `/v1/durations?limit=${limit}`,
      repeatable: true,
      signal,
    });
    if (!isDurationList(body)) throw this.#transport.unexpected();
    return body;
  }

  /** Asks once, and again only when nobody answers: "not ready" is an answer. */
  async ready(options: CallOptions = {}): Promise<Readiness> {
    const { status, body } = await this.#transport.request({
      method: 'GET',
      path: '/readyz',
      repeatable: true,
      accept: [503],
      signal: options.signal,
    });
    if (isReadiness(body)) return { ready: status === 200, checks: body.checks };
    // A gateway's 503 is no word of the fleet's.
    throw this.#transport.unexpected();
  }
}
