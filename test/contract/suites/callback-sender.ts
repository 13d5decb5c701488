import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallbackMessage, CallbackSender } from '../../../src/ports/callback-sender.ts';

export interface CallbackSenderHarness {
  readonly sender: CallbackSender;
  /** What is on its way, in any order. */
  sent(): Promise<readonly CallbackMessage[]>;
  close(): Promise<void>;
}

const message: CallbackMessage = {
  id: 'cb_run-1_ended',
  runId: 'run-1',
  type: 'run.completed',
  url: 'https://hooks.example.com/runs',
  body: '{"type":"run.completed"}',
};

/** What every `CallbackSender` must do; see `src/ports/callback-sender.ts`. */
export function callbackSenderConformance(name: string, factory: () => Promise<CallbackSenderHarness>): void {
  describe(`CallbackSender: ${name}`, () => {
    let harness: CallbackSenderHarness;
    beforeEach(async () => {
      harness = await factory();
    });
    afterEach(() => harness.close());

    it('has a callback on record when it says so', async () => {
      await harness.sender.send(message);
      await expect(harness.sent()).resolves.toEqual([message]);
    });

    it('leaves one that is there as it is, however often it is told', async () => {
      await harness.sender.send(message);
      await Promise.all([1, 2, 3].map((n) => harness.sender.send({ ...message, body: `another ${n}` })));
      await expect(harness.sent()).resolves.toEqual([message]);
    });

    it('keeps callbacks of one run apart by their ids', async () => {
      const other = { ...message, id: 'cb_run-1_action_1', type: 'run.requires_action' } as const;
      await harness.sender.send(message);
      await harness.sender.send(other);
      const ids = (await harness.sent()).map(({ id }) => id);
      expect(ids.toSorted()).toEqual([other.id, message.id]);
    });
  });
}
