import type { CallbackType } from '../domain/wire/callback.ts';

/** One callback to one URL. */
export interface CallbackMessage {
  /** The same for the same news, however often it is told: the receiver sees it as `webhook-id`. */
  readonly id: string;
  readonly runId: string;
  readonly type: CallbackType;
  readonly url: string;
  /** What is POSTed, to the byte, in every try. */
  readonly body: string;
}

/**
 * Puts callbacks on their way. They are delivered at least once, by other processes, in any order.
 *
 * Fails closed: rejects while Redis is unreachable.
 */
export interface CallbackSender {
  /** Resolves once it is on record. Idempotent: an id that is there already is left as it is. */
  send(message: CallbackMessage): Promise<void>;
}

/** What can be said of a callback's URL when a run is sent. */
export interface CallbackRules {
  /** Null where it can be called, as far as can be told before its name is resolved; else what is wrong with it. */
  problemOf(url: string): string | null;
}
