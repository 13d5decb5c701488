import { createMany } from './bulk.ts';
import { RunfleetUsageError } from './errors.ts';
import type { CreateManyResult } from './errors.ts';
import { runEvents } from './events.ts';
import type { EventsOptions, RunEvent } from './events.ts';
import { isRun, isRunList } from './parse.ts';
import type { Answer, Call, Transport } from './transport.ts';
import type { EndedRun, RunInput, RunList, RunListQuery, RunView, ToolOutput } from './types.ts';
import { waitForEnd } from './wait.ts';
import type { WaitOptions } from './wait.ts';

export interface CallOptions {
  /** Aborts the call; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface CreateOptions extends CallOptions {
  /**
   * Stands for this very run: sent again, also by another process, it gives the first run back.
   * Default: a new random one for each call, which makes the client's own retries safe.
   */
  readonly idempotencyKey?: string | undefined;
}

/** `client.runs`: everything that can be done with runs. */
export class Runs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Hands a run to the fleet. Resolves once it is accepted, or accepted before under the same key. */
  async create(input: RunInput, options: CreateOptions = {}): Promise<RunView> {
    return this.#run({
      method: 'POST',
      path: '/v1/runs',
      body: JSON.stringify(input),
      headers: { 'idempotency-key': checkedIdempotencyKey(options.idempotencyKey) },
      repeatable: true,
      signal: options.signal,
    });
  }

  /**
   * Hands many runs to the fleet, 1,000 a request. Each is accepted or refused on its own; results come in order.
   * Not repeated after a lost reply, for then they might run twice: that throws a `RunfleetBulkError`, which holds
   * the results so far.
   */
  async createMany(inputs: readonly RunInput[], options: CallOptions = {}): Promise<CreateManyResult[]> {
    return createMany(this.#transport, inputs, options.signal);
  }

  async get(id: string, options: CallOptions = {}): Promise<RunView> {
    return this.#look(id, 0, options.signal);
  }

  /**
   * The run, once it has ended: `completed` or otherwise. Outlives restarts of the server.
   * A run whose tools you run yourself (`manual`) shows up in `onUpdate`, with its `required_action`.
   */
  async wait(id: string, options: WaitOptions = {}): Promise<EndedRun> {
    const look = (waitSeconds: number): Promise<RunView> => this.#look(id, waitSeconds, options.signal);
    return waitForEnd({ timing: this.#transport.timing, look }, options);
  }

  /**
   * What becomes of a run, as it happens; the last event is `done`. Comes back by itself after a lost connection, and
   * gives nothing twice. `lastEventId` goes on where an earlier iteration stopped.
   */
  events(id: string, options: EventsOptions = {}): AsyncGenerator<RunEvent, void, undefined> {
    return runEvents(this.#transport, `${pathOf(id)}/events`, options);
  }

  async createAndWait(input: RunInput, options: CreateOptions & WaitOptions = {}): Promise<EndedRun> {
    const run = await this.create(input, options);
    return this.wait(run.id, options);
  }

  /** One page, newest first. Outputs are left out. */
  async list(query: RunListQuery = {}, options: CallOptions = {}): Promise<RunList> {
    const parameters = new URLSearchParams();
    for (const name of ['status', 'kind', 'dead', 'limit', 'cursor'] as const) {
      const value = query[name];
      if (value !== undefined) parameters.set(name, String(value));
    }
    const path = parameters.size === 0 ? '/v1/runs' : `/v1/runs?${parameters.toString()}`;
    const { body } = await this.#transport.request({
      method: 'GET',
      path,
      repeatable: true,
      signal: options.signal,
    });
    if (!isRunList(body)) throw this.#transport.unexpected();
    return body;
  }

  /** All runs that fit, newest first; the next page is fetched when it is needed. `limit` is the size of a page. */
  async *all(query: RunListQuery = {}, options: CallOptions = {}): AsyncGenerator<RunView, void, undefined> {
    let cursor = query.cursor;
    for (;;) {
      const page = await this.list({ ...query, cursor }, options);
      yield* page.data;
      if (page.next_cursor === null) return;
      cursor = page.next_cursor;
    }
  }

  /** Asks for the run's end, at the provider too. Resolves once that is on record; `wait` for the end itself. */
  async cancel(id: string, options: CallOptions = {}): Promise<RunView> {
    return this.#run({
      method: 'POST',
      path: `${pathOf(id)}/cancel`,
      repeatable: true,
      signal: options.signal,
    });
  }

  /**
   * Answers tool calls of a run that waits for you (mode `manual`), in parts if need be; the first answer to a call
   * stands. Resolves with the run, whose `required_action` lists what is still missing.
   */
  async submitToolOutputs(
    id: string,
    outputs: readonly ToolOutput[],
    options: CallOptions = {},
  ): Promise<RunView> {
    return this.#run({
      method: 'POST',
      path: `${pathOf(id)}/tool-outputs`,
      body: JSON.stringify({ tool_outputs: outputs }),
      repeatable: true,
      signal: options.signal,
    });
  }

  /**
   * Runs an ended run again. Resolves with the new run. Not repeated after a lost reply, but with `once`: then a run that
   * was sent again before stays as it is, and the run it was sent again as is given.
   */
  async redrive(id: string, options: CallOptions & { readonly once?: boolean } = {}): Promise<RunView> {
    const once = options.once === true;
    return this.#run({
      method: 'POST',
      path: `${pathOf(id)}/redrive${once ? '?once=true' : ''}`,
      repeatable: once,
      signal: options.signal,
    });
  }

  async #look(id: string, waitSeconds: number, signal: AbortSignal | undefined): Promise<RunView> {
    return this.#run({
      method: 'GET',
      path: waitSeconds > 0 ? `${pathOf(id)}?wait=${waitSeconds}` : pathOf(id),
      extraTimeoutMs: waitSeconds * 1000,
      repeatable: true,
      signal,
    });
  }

  async #run(call: Call): Promise<RunView> {
    const { body }: Answer = await this.#transport.request(call);
    if (!isRun(body)) throw this.#transport.unexpected();
    return body;
  }
}

function pathOf(id: string): string {
  // An empty id, `.` or `..` would name another route.
  if (!/[^.]/.test(id)) throw new RunfleetUsageError('A run id is needed.');
  return `/v1/runs/${encodeURIComponent(id)}`;
}

function checkedIdempotencyKey(key: string | undefined): string {
  if (key === undefined) return crypto.randomUUID();
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new RunfleetUsageError('An idempotency key is 1 to 255 visible ASCII characters.');
  }
  return key;
}
