import type { CallbackMessage, CallbackRules, CallbackSender } from '../../../src/ports/callback-sender.ts';
import type { DeadCallbacks } from '../../../src/ports/dead-callbacks.ts';

/** Keeps what is to be sent. */
export class FakeCallbackSender implements CallbackSender {
  readonly sent = new Map<string, CallbackMessage>();
  /** Every try, those that changed nothing too. */
  readonly tries: CallbackMessage[] = [];

  send(message: CallbackMessage): Promise<void> {
    this.tries.push(message);
    if (!this.sent.has(message.id)) this.sent.set(message.id, message);
    return Promise.resolve();
  }
}

/** Refuses what it is told to. */
export class FakeCallbackRules implements CallbackRules {
  readonly problems = new Map<string, string>();

  problemOf(url: string): string | null {
    return this.problems.get(url) ?? null;
  }
}

/** Nothing has been given up. */
export const noDeadCallbacks: DeadCallbacks = {
  list: () => Promise.resolve({ object: 'list', data: [], next_cursor: null }),
  redrive: () => Promise.resolve(false),
};
