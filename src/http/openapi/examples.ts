/** Every example of the documentation, in one place; a test holds each against its schema. */

import type { QuotaView } from '../../domain/wire/quota-view.ts';

export const runInput = {
  kind: 'responses',
  request: { model: 'gpt-5-mini', input: 'Sum up the minutes of today’s meeting in five lines.' },
  deadline_seconds: 300,
  label: 'summaries',
  metadata: { customer: '42' },
};

const base = {
  id: '01993c5e-7b1a-7c3e-9a55-2f6d1c0b8e47',
  object: 'runfleet.run',
  kind: 'responses',
  thread_id: null,
  account: 'default',
  required_action: null,
  tool_rounds: [],
  label: 'summaries',
  lane: null,
  redriven_as: null,
  metadata: { customer: '42' },
  accepted_at: '2026-11-20T09:30:00.000Z',
} as const;

export const acceptedRun = {
  ...base,
  status: 'accepted',
  provider_run_id: null,
  provider_run_ids: [],
  output_text: null,
  output: [],
  usage: null,
  error: null,
  calls: { create: 0, retrieve: 0, submit: 0, cancel: 0, list: 0, total: 0 },
  created_at: null,
  completed_at: null,
  detected_at: null,
  detection_delay_ms: null,
  found_by: null,
  looks: [],
  next_look_at: '2026-11-20T09:30:00.000Z',
};

const ended = {
  ...base,
  status: 'completed',
  provider_run_id: 'resp_68f1c2a9e4',
  provider_run_ids: ['resp_68f1c2a9e4'],
  usage: { input_tokens: 412, output_tokens: 96, total_tokens: 508 },
  error: null,
  calls: { create: 1, retrieve: 2, submit: 0, cancel: 0, list: 0, total: 3 },
  created_at: '2026-11-20T09:30:00.310Z',
  completed_at: '2026-11-20T09:30:18.500Z',
  detected_at: '2026-11-20T09:30:18.920Z',
  detection_delay_ms: 420,
  found_by: 'poll',
  looks: [
    { age_ms: 9_412, reason: 'learned' },
    { age_ms: 18_610, reason: 'learned' },
  ],
  next_look_at: null,
} as const;

export const completedRun = {
  ...ended,
  output_text: 'The team agreed to …',
  output: [
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'The team agreed to …' }] },
  ],
};

export const toolOutputsInput = { tool_outputs: [{ tool_call_id: 'call_7Qx', output: '{"celsius":21}' }] };

export const askingRun = {
  ...acceptedRun,
  status: 'requires_action',
  provider_run_id: 'resp_68f1c2a9e4',
  provider_run_ids: ['resp_68f1c2a9e4'],
  required_action: {
    tool_calls: [{ id: 'call_9Zw', name: 'forecast', arguments: '{"city":"Bern"}', mode: 'manual' }],
    expires_at: '2026-11-20T09:40:00.000Z',
  },
};

export const runList = {
  object: 'list',
  data: [{ ...ended, output_text: null, output: [], looks: [] }],
  next_cursor: null,
};

export const bulkInput = { runs: [runInput, { kind: 'assistants', request: {} }] };

export const bulkOutput = {
  runs: [
    { run: acceptedRun },
    {
      error: {
        type: '/docs#problem-invalid-request',
        title: 'The request is not valid.',
        status: 400,
        errors: [{ pointer: '/request/assistant_id', detail: 'Required.' }],
      },
    },
  ],
};

export const durationList = {
  object: 'list',
  data: [
    {
      class: 'responses|m=gpt-5-mini|l=summaries',
      runs: 1840,
      evidence: 1402.5,
      shifted: false,
      p10_seconds: 6.1,
      p50_seconds: 11.8,
      p90_seconds: 24.9,
      p99_seconds: 48.2,
      last_seen_at: '2026-11-20T09:31:12.000Z',
      histogram: [{ from_seconds: 10.9, to_seconds: 12.4, share: 0.11 }],
    },
  ],
};

export const webhook = {
  object: 'event',
  id: 'evt_685343a1381c819085d44c354e1b330e',
  type: 'response.completed',
  created_at: 1795167072,
  data: { id: 'resp_6853439e7e30819098ac0e5dfe9c8a9e' },
};

export const webhookTaken = { received: true };

export const health = { status: 'ok' };

export const ready = { ok: true, checks: { redis: { ok: true } } };

export const notReady = { ok: false, checks: { redis: { ok: false, detail: 'No connection.' } } };

export const problemFields = [
  { path: ['request'], message: 'Invalid input: expected record, received undefined' },
];

const idle = { limit: null, used: 0, booked: 0, queued: 0 };

const accountQuota = {
  account: '5d41402abc4b2a76b971',
  window_seconds: 60,
  requests: { limit: 3000, used: 2940, used_ratio: 0.98, source: 'configured' },
  tokens: { limit: null, used: 0, used_ratio: 0, source: 'none' },
  classes: {
    create: { limit: null, used: 1200, booked: 40, queued: 310 },
    look: { limit: null, used: 1740, booked: 42, queued: 95 },
    submit: idle,
    cancel: idle,
    other: idle,
  },
  waiting_for: 'quota',
  paused_until: null,
} as const;

export const quota: QuotaView = {
  object: 'runfleet.quota',
  ...accountQuota,
  accounts: [{ name: 'default', ...accountQuota }],
};
