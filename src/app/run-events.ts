/** What the subscribers of a run are told, from the place where each left off. */

import { RunNotFoundError } from '../domain/errors.ts';
import { type RunOutcome, type RunState, statusOf } from '../domain/run.ts';
import type { RunView } from '../domain/wire/run-view.ts';
import type { EventBus } from '../ports/event-bus.ts';
import type { OutputFeed } from '../ports/run-stream.ts';
import type { RunRecord, RunStore } from '../ports/run-store.ts';
import { Bell } from './bell.ts';
import { OutputReader } from './output-reader.ts';
import { viewOf } from './view.ts';

/**
 * What a subscriber has been told. It is the id of an event, so that no list of events has to be kept: the run itself
 * says what is new to whoever is at this place.
 */
export interface Place {
  /** Characters of the output. */
  readonly offset: number;
  /** The last status, with a number where the same one can come again with another meaning. */
  readonly status: string;
  readonly done: boolean;
}

export type RunNews =
  /** The run exists; nothing is told yet. */
  | { readonly type: 'open' }
  | { readonly type: 'status' | 'done'; readonly id: string; readonly run: RunView }
  /** What was added to the output, where the run streams. */
  | { readonly type: 'output'; readonly id: string; readonly text: string };

export interface RunEventsDeps {
  readonly store: RunStore;
  readonly events: EventBus;
  readonly output: OutputFeed;
}

/**
 * The news of a run until its end, or until `signal` aborts. Takes the next only when it is asked for: a slow reader
 * costs no memory, since statuses that were passed over meanwhile are not told, and output is read again where it is
 * kept. Throws `RunNotFoundError`.
 */
export async function* runEvents(
  deps: RunEventsDeps,
  id: string,
  from: Place | null,
  signal: AbortSignal,
): AsyncGenerator<RunNews, void, undefined> {
  const feed = new RunFeed(deps, id, from, signal);
  try {
    yield* feed.news();
  } finally {
    feed.close();
  }
}

class RunFeed {
  private readonly deps: RunEventsDeps;
  private readonly id: string;
  private readonly signal: AbortSignal;
  private readonly bell = new Bell();
  private readonly unsubscribe: () => void;
  private output: OutputReader | null = null;
  private told: Place;
  /** The run is to be read (again). */
  private changed = true;

  constructor(deps: RunEventsDeps, id: string, from: Place | null, signal: AbortSignal) {
    this.deps = deps;
    this.id = id;
    this.signal = signal;
    this.told = from ?? { offset: 0, status: 'none', done: false };
    const onChange = (): void => {
      this.changed = true;
      this.bell.ring();
    };
    // Subscribed before the first read: what happens in between rings.
    this.unsubscribe = deps.events.subscribe(id, { onEvent: onChange, onGap: onChange });
    signal.addEventListener('abort', this.bell.ring);
  }

  close(): void {
    this.signal.removeEventListener('abort', this.bell.ring);
    this.unsubscribe();
    this.output?.close();
  }

  async *news(): AsyncGenerator<RunNews, void, undefined> {
    for (let opened = false; !this.signal.aborted; opened = true) {
      this.bell.hush();
      const record = this.changed ? await this.read() : null;
      if (!opened) yield { type: 'open' };
      if (record !== null && record.outcome === null) yield* this.status(record);
      if (record !== null && record.outcome !== null) {
        yield* this.end(record, record.outcome);
        return;
      }
      yield* this.pieces();
      if (!this.signal.aborted) await this.bell.heard();
    }
  }

  private async read(): Promise<RunRecord> {
    this.changed = false;
    const record = await this.deps.store.get(this.id);
    if (record === null) throw new RunNotFoundError(this.id);
    if (record.spec.follow === 'stream') {
      this.output ??= new OutputReader(this.deps.output, this.id, this.told.offset, this.bell.ring);
    }
    return record;
  }

  private *status(record: RunRecord): Generator<RunNews, void, undefined> {
    const status = statusWord(record.state);
    if (status === this.told.status) return;
    this.told = { ...this.told, status };
    yield { type: 'status', id: eventId(this.told), run: viewOf(record) };
  }

  private async *pieces(): AsyncGenerator<RunNews, void, undefined> {
    if (this.output === null) return;
    for await (const text of this.output.take()) yield this.piece(text, this.output.offset);
  }

  private piece(text: string, offset: number): RunNews {
    this.told = { ...this.told, offset };
    return { type: 'output', id: eventId(this.told), text };
  }

  private async *end(record: RunRecord, outcome: RunOutcome): AsyncGenerator<RunNews, void, undefined> {
    this.output?.catchUp();
    yield* this.pieces();
    const from = this.output === null ? null : lastAnswerFrom(record);
    const answer = outcome.output?.text ?? '';
    // What was not streamed, since it was looked at in the end, or is not kept in pieces any more.
    if (from !== null && from + answer.length > this.told.offset)
      yield this.piece(answer.slice(Math.max(0, this.told.offset - from)), from + answer.length);
    this.told = { ...this.told, status: outcome.status, done: true };
    yield { type: 'done', id: eventId(this.told), run: viewOf(record) };
  }
}

/** Where the text of the run's last response begins in what is streamed; null where that response was not. */
function lastAnswerFrom({ state }: RunRecord): number | null {
  if ((state.tools?.formerRunIds ?? []).length === 0) return 0;
  const known = state.tools?.output;
  return known !== undefined && 'providerRunId' in state && state.providerRunId === known.providerRunId
    ? known.offset
    : null;
}

/** A status, with a number where the same one can come again with another meaning. */
function statusWord(state: RunState): string {
  const status = statusOf(state);
  // A run asks for tools again only after it has sent something.
  return status === 'requires_action' ? `${status}.${state.calls.create + state.calls.submit}` : status;
}

const eventId = ({ offset, status, done }: Place): string => `${offset}.${status}${done ? '.done' : ''}`;

const eventIdForm = /^(\d{1,15})\.([a-z_]{1,32}(?:\.\d{1,9})?)(\.done)?$/;

/** Null for what is no id of ours. */
export function parseEventId(text: string): Place | null {
  const match = eventIdForm.exec(text);
  if (match === null) return null;
  const [, offset, status = '', done] = match;
  return { offset: Number(offset), status, done: done !== undefined };
}
