/** A session of chaos where all went well: one run, seen by everybody. */

import type { Evidence } from '../../../chaos/evidence.ts';
import type { PlannedRun } from '../../../chaos/plan.ts';
import type { RunView } from '../../../src/client/index.ts';

export const startMs = Date.parse('2026-11-20T08:00:00.000Z');
const at = (ms: number): string => new Date(startMs + ms).toISOString();

export const planned: PlannedRun = {
  n: 1,
  input: {
    kind: 'responses',
    request: {},
    deadline_seconds: 30,
    callback: { url: 'http://127.0.0.1/' },
    on_ambiguous: 'fail',
  },
  idempotencyKey: 'key-1',
  cancelAfterMs: null,
  watch: 'wait',
};

export const run: RunView = {
  id: 'run_1',
  object: 'runfleet.run',
  kind: 'responses',
  status: 'completed',
  provider_run_id: 'resp_1',
  provider_run_ids: ['resp_1'],
  thread_id: null,
  account: 'default',
  output_text: 'The answer to number 1.',
  output: [],
  usage: null,
  error: null,
  required_action: null,
  tool_rounds: [],
  calls: { create: 1, retrieve: 1, submit: 0, cancel: 0, list: 0, total: 2 },
  accepted_at: at(0),
  created_at: at(100),
  completed_at: at(1100),
  detected_at: at(1200),
  detection_delay_ms: 100,
  found_by: 'poll',
  next_look_at: null,
  looks: [],
  label: null,
  lane: 'lane-1',
  redriven_as: null,
  metadata: { chaos_n: '1' },
};

export const sending: Evidence['sendings'][number] = {
  planned,
  sentAtMs: startMs - 10,
  runId: 'run_1',
  acceptedAtMs: startMs + 10,
  cancelledAtMs: null,
  inDoubt: false,
  refusal: null,
  told: [run],
  streamed: '',
};

export const providerRun: Evidence['ledger']['runs'][number] = {
  id: 'resp_1',
  kind: 'responses',
  runfleetId: 'run_1',
  previousId: null,
  status: 'completed',
  createdAtMs: startMs + 100,
  endedAtMs: startMs + 1100,
  calls: {},
};

const totals = { created: 1, open: 0, endedByStatus: {}, calls: {} };
export const ledger: Evidence['ledger'] = {
  sinceMs: startMs,
  nowMs: startMs + 9000,
  callsTotal: 2,
  calls: {},
  throttled: 0,
  worstWindow: { windowMs: 60_000, calls: 2, endedAtMs: null },
  responses: totals,
  assistants: totals,
  webhooks: { events: 0, lost: 0, duplicated: 0, tries: 0, delivered: 0, failedTries: 0, givenUp: 0 },
  duplicates: [],
  runs: [providerRun],
};

export const delivery: Evidence['deliveries'][number] = {
  id: 'cb_run_1_ended',
  runId: 'run_1',
  type: 'run.completed',
  run,
  atMs: startMs + 1300,
  answer: 204,
};

export const effect: Evidence['effects'][number] = {
  execution: 'a',
  runId: 'run_1',
  toolCallId: 'call_1',
  pid: 10,
  startedAtMs: startMs + 200,
  finishedAtMs: startMs + 300,
};

export const life: Evidence['lives'][number] = {
  member: 'tools-1',
  role: 'tools',
  pid: 10,
  fromMs: startMs,
  toMs: startMs + 9000,
  end: 'term',
  code: 0,
  signal: null,
  stopMs: 300,
  frozen: [],
};

export const line: Evidence['logs'][number] = {
  member: 'runs-1',
  pid: 11,
  atMs: startMs + 500,
  level: 50,
  message: 'Oh',
  runId: null,
  line: '{}',
};

export const well: Evidence = {
  sendings: [sending],
  records: new Map([['run_1', run]]),
  listed: ['run_1'],
  ledger,
  deliveries: [delivery],
  deadCallbacks: [],
  effects: [effect],
  oddities: [],
  deeds: [{ what: 'cut', target: 'wire', atMs: startMs + 20_000, untilMs: startMs + 22_000 }],
  lives: [life],
  logs: [
    { ...line, level: 30 },
    { ...line, atMs: startMs + 21_000 },
  ],
  keys: [
    { key: '{chaos}:runs:run_1', ttlMs: null, runIds: [] },
    { key: '{chaos}:stream:run_1', ttlMs: 60_000, runIds: [] },
  ],
  rpm: 100,
};
