/** What the subscribers of a run are told, from the place where each left off. */

import { RunNotFoundError } from '../domain/errors.ts';
import { type RunState, statusOf } from '../domain/run.ts';
import type { RunView } from '../domain/wire/run-view.ts';
import type { EventBus } from '../ports/event-bus.ts';
import type { RunRecord, RunStore } from '../ports/run-store.ts';
import { Bell } from './bell.ts';
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
  | { readonly type: 'status' | 'done'; readonly id: string; readonly run: RunView };

export interface RunEventsDeps {
  readonly store: RunStore;
  readonly events: EventBus;
}

/**
 * The news of a run until its end, or until `signal` aborts. Takes the next only when it is asked for: a slow reader
 * costs no memory, since statuses that were passed over meanwhile are not told. Throws `RunNotFoundError`.
 */
export async function* runEvents(
  deps: RunEventsDeps,
  id: string,
  from: Place | null,
  signal: AbortSignal,
): AsyncGenerator<RunNews, void, undefined> {
  const bell = new Bell();
  // Subscribed before the first read: what happens in between rings.
  const unsubscribe = deps.events.subscribe(id, { onEvent: bell.ring, onGap: bell.ring });
  signal.addEventListener('abort', bell.ring);
  let told = from;
  try {
    for (let opened = false; !signal.aborted; opened = true) {
      bell.hush();
      const record = await deps.store.get(id);
      if (record === null) throw new RunNotFoundError(id);
      if (!opened) yield { type: 'open' };
      const place = placeOf(record);
      if (place.status !== told?.status) {
        told = place;
        yield { type: place.done ? 'done' : 'status', id: eventId(place), run: viewOf(record) };
      }
      if (place.done) return;
      if (!signal.aborted) await bell.heard();
    }
  } finally {
    signal.removeEventListener('abort', bell.ring);
    unsubscribe();
  }
}

function placeOf({ state, outcome }: RunRecord): Place {
  if (outcome !== null) return { offset: 0, status: outcome.status, done: true };
  const status = statusOf(state);
  const round = status === 'requires_action' ? `.${roundOf(state)}` : '';
  return { offset: 0, status: status + round, done: false };
}

/** A run asks for tools again only after it has sent something. */
function roundOf({ calls }: RunState): number {
  return calls.create + calls.submit;
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
