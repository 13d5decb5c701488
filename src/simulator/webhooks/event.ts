import { createHmac } from 'node:crypto';

import type { Tracked } from '../ledger.ts';
import { isTerminal, phaseAt } from '../plan.ts';
import type { Plan } from '../plan.ts';
import { wholeSeconds } from '../plan.ts';

/** When a run may next have something to tell; `Infinity` when never. */
export function nextNewsAtMs(plan: Plan, nowMs: number): number {
  const times = [plan.legEndsAtMs, plan.expiresAtMs, plan.cancelledAtMs, plan.revivedAtMs];
  return Math.min(...times.filter((atMs) => atMs >= nowMs), Infinity);
}

/** The type of the event that a run has to tell now; `null` for none. */
export function eventType(run: Tracked, nowMs: number): string | null {
  const { phase } = phaseAt(run.plan, nowMs);
  if (phase === 'lost') return null;
  if (run.kind === 'responses') return isTerminal(phase) ? `response.${phase}` : null;
  return isTerminal(phase) || phase === 'requires_action' ? `thread.run.${phase}` : null;
}

/** The body: the id alone, as OpenAI sends it. */
export function eventBody(eventId: string, type: string, run: Tracked, nowMs: number): string {
  return JSON.stringify({
    object: 'event',
    id: eventId,
    type,
    created_at: wholeSeconds(nowMs),
    data: { id: run.id },
  });
}

/** The headers of one try, after https://www.standardwebhooks.com. */
export function signedHeaders(
  webhookId: string,
  secret: string,
  body: string,
  nowMs: number,
): Record<string, string> {
  const timestamp = String(wholeSeconds(nowMs));
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key).update(`${webhookId}.${timestamp}.${body}`).digest('base64');
  return {
    'content-type': 'application/json',
    'user-agent': 'OpenAI/1.0 (simulated)',
    'webhook-id': webhookId,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}
