/** How the provider errs: some 12 % of its answers, one webhook in three. */

import type { FaultRule, WebhookOptions } from '../src/simulator/index.ts';

const creates = ['responses.create', 'runs.create', 'runs.create_with_thread'] as const;

export const providerFaults: readonly FaultRule[] = [
  { operation: '*', fault: { type: 'http_error', status: 500 }, probability: 0.03 },
  { operation: '*', fault: { type: 'http_error', status: 503 }, probability: 0.01 },
  { operation: '*', fault: { type: 'http_error', status: 502 }, probability: 0.005 },
  { operation: '*', fault: { type: 'http_error', status: 429, retryAfterMs: 1000 }, probability: 0.003 },
  { operation: '*', fault: { type: 'reset' }, probability: 0.015 },
  { operation: creates, fault: { type: 'lost_reply' }, probability: 0.02 },
  { operation: '*', fault: { type: 'lost_reply' }, probability: 0.015 },
  { operation: '*', fault: { type: 'garbage' }, probability: 0.01 },
  { operation: '*', fault: { type: 'wrong_content_type' }, probability: 0.01 },
  { operation: '*', fault: { type: 'slow', delayMs: 4000 }, probability: 0.02 },
  { operation: '*', fault: { type: 'stream_break', afterEvents: 2 }, probability: 0.01 },
  { operation: '*', fault: { type: 'stream_break', afterEvents: 3, midEvent: true }, probability: 0.01 },
];

export const webhookFaults: Partial<WebhookOptions> = {
  lossProbability: 0.1,
  duplicateProbability: 0.1,
  lateProbability: 0.1,
  lateMs: 3000,
  wrongSignatureProbability: 0.02,
  retryDelaysMs: [500, 1000, 2000, 4000, 8000],
  threadRuns: true,
};
