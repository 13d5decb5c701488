import { RunfleetUsageError } from './errors.ts';
import { isCallbackList } from './parse.ts';
import type { CallOptions } from './runs.ts';
import type { Transport } from './transport.ts';
import type { Callback, CallbackList } from './types.ts';

/** The callbacks that were given up. */
export class Callbacks {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** One page, the latest first. */
  async list(
    query: { readonly limit?: number | undefined; readonly cursor?: string | undefined } = {},
    options: CallOptions = {},
  ): Promise<CallbackList> {
    const parameters = new URLSearchParams();
    for (const name of ['limit', 'cursor'] as const) {
      const value = query[name];
      if (value !== undefined) parameters.set(name, String(value));
    }
    const { body } = await this.#transport.request({
      method: 'GET',
      path: parameters.size === 0 ? '/v1/callbacks' : `/v1/callbacks?${parameters.toString()}`,
      repeatable: true,
      signal: options.signal,
    });
    if (!isCallbackList(body)) throw this.#transport.unexpected();
    return body;
  }

  /** All of them; the next page is fetched when it is needed. `limit` is the size of a page. */
  async *all(
    query: { readonly limit?: number | undefined } = {},
    options: CallOptions = {},
  ): AsyncGenerator<Callback, void, undefined> {
    let cursor: string | undefined;
    for (;;) {
      const page = await this.list({ ...query, cursor }, options);
      yield* page.data;
      if (page.next_cursor === null) return;
      cursor = page.next_cursor;
    }
  }

  /** Sends it again, from the first try on. Throws `RunfleetNotFoundError` where it is not among them (any more). */
  async redrive(id: string, options: CallOptions = {}): Promise<void> {
    if (!/[^.]/.test(id)) throw new RunfleetUsageError('The id of a callback is needed.');
    await this.#transport.request({
      method: 'POST',
      path: `/v1/callbacks/${encodeURIComponent(id)}/redrive`,
      repeatable: false,
      signal: options.signal,
    });
  }
}
