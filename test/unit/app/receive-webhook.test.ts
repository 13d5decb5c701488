import { expect, it } from 'vitest';
import { receiveWebhook } from '../../../src/app/receive-webhook.ts';
import type { WebhookFate } from '../../../src/ports/webhooks.ts';
import { ManualClock } from '../../support/fakes/manual-clock.ts';
import { anEvent } from '../../support/webhooks.ts';

/** What is noted of a webhook of two accounts with one secret, by what each of them knows of it. */
async function noted(first: WebhookFate, second: WebhookFate): Promise<unknown[]> {
  const asked: string[] = [];
  const notes: unknown[] = [];
  const deps = {
    verifier: { verify: () => ({ genuine: true, accounts: ['first', 'second'] }) as const },
    inbox: {
      take: async ({ account }: { readonly account: string }) => {
        asked.push(account);
        return await Promise.resolve(account === 'first' ? first : second);
      },
    },
    clock: new ManualClock(0),
    note: (...note: readonly unknown[]) => notes.push(...note),
  };
  const message = {
    id: 'wh_1',
    timestamp: '0',
    signature: 'v1,',
    body: Buffer.from(JSON.stringify(anEvent('resp_1'))),
  };
  await receiveWebhook(deps, message);
  return [...notes, ...asked];
}

it.each([
  ['woken', 'unknown', ['woken', 'first']],
  ['duplicate', 'unknown', ['duplicate', 'first']],
  ['unknown', 'woken', ['woken', 'first', 'second']],
  ['early', 'woken', ['woken', 'first', 'second']],
  ['early', 'unknown', ['early', 'first', 'second']],
  ['unknown', 'unknown', ['unknown', 'first', 'second']],
] as const)('takes a webhook to the account that knows its run: %s, %s', async (first, second, expected) => {
  await expect(noted(first, second)).resolves.toEqual(['response.completed', ...expected]);
});
