/**
 * What the board shows of a job: where it stands, and the shape of what it carries. Never a prompt, an answer, the
 * arguments of a tool or a secret. Reads leniently: other services write to these queues too.
 */

type Fields = Readonly<Record<string, unknown>>;

interface Formatters {
  readonly name: (job: {
    readonly name?: unknown;
    readonly data?: unknown;
    readonly progress?: unknown;
  }) => string;
  readonly data: (data: unknown) => unknown;
  readonly progress: (progress: unknown) => unknown;
  readonly returnValue: (value: unknown) => unknown;
}

export function formattersOf(queueName: string): Formatters {
  return queueName === 'runs' ? runFormatters : otherFormatters;
}

const runFormatters: Formatters = {
  name: ({ name, data, progress }) => {
    const { kind, label } = fields(data);
    const parts = [statusWord(fields(progress)), text(kind) ?? text(name), text(label)];
    return parts.filter((part) => part !== null).join(' · ');
  },
  data: (value) => {
    const data = fields(value);
    const acceptedAtMs = Date.parse(text(data['accepted_at']) ?? '');
    const deadlineSeconds = data['deadline_seconds'];
    return {
      ...pick(data, [
        'kind',
        'label',
        'lane',
        'owner',
        'account',
        'priority',
        'follow',
        'on_ambiguous',
        'accepted_at',
      ]),
      deadline_at: typeof deadlineSeconds === 'number' ? iso(acceptedAtMs + deadlineSeconds * 1000) : null,
      ...(data['callback'] === undefined ? {} : { callback: hostOf(fields(data['callback'])['url']) }),
      ...(data['tools'] === undefined ? {} : { tools: text(fields(data['tools'])['mode']) }),
      metadata: shape(data['metadata']),
      request:
        data['request_stored'] === true
          ? 'kept under a key of its own'
          : {
              ...pick(fields(data['request']), ['model', 'assistant_id', 'thread_id']),
              shape: shape(data['request']),
            },
    };
  },
  progress: (value) => {
    const state = fields(value);
    if (Object.keys(state).length === 0) return 'accepted, not looked at yet';
    const fault = fields(state['lastFault']);
    return present({
      status: statusWord(state),
      calls: callsText(fields(state['calls'])),
      next_look_at: state['phase'] === 'ended' ? null : iso(state['wakeAtMs']),
      last_fault: Object.keys(fault).length === 0 ? null : faultText(fault, state['faultStreak']),
      cancel: text(fields(state['cancel'])['reason']),
      waits_for_tools: statusWord(state) === 'requires_action' ? toolNames(state['toolCalls']) : null,
      tool_calls_answered: toolNotes(fields(state['tools'])['notes']),
      provider_run_id: text(state['providerRunId']),
      thread_id: text(state['threadId']),
      account: text(state['account']),
      started_at: iso(state['startedAtMs']),
      phase: text(state['phase']),
    });
  },
  returnValue: (value) => {
    const result = fields(value);
    if (Object.keys(result).length === 0) return shape(value);
    const error = fields(result['error']);
    return {
      ...pick(result, ['status', 'detection_delay_ms', 'detectionDelayMs', 'found_by', 'foundBy', 'usage']),
      error:
        Object.keys(error).length === 0
          ? null
          : { ...pick(error, ['code', 'retryable']), message: short(error['message']) },
      output: shape(result['output_text'] ?? result['output']),
    };
  },
};

/** Tools and callbacks: ids and hosts as they are, all else as shapes. */
const otherFormatters: Formatters = {
  name: ({ name }) => text(name) ?? '',
  data: (value) => {
    const host = hostOf(fields(value)['url']);
    return {
      ...pick(fields(value), plainFields),
      ...(host === null ? {} : { host }),
      shape: shape(value),
    };
  },
  progress: (value) => (typeof value === 'number' ? value : shape(value)),
  returnValue: (value) => shape(value),
};

const plainFields = [
  'id',
  'run_id',
  'runId',
  'tool_call_id',
  'toolCallId',
  'round',
  'deadline_at',
  'tool',
  'kind',
  'status',
  'type',
];

/** Sizes instead of contents, two levels deep and so many fields: a summary of megabytes is short. */
export function shape(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return `text, ${value.length} characters`;
  if (Array.isArray(value)) return `list of ${value.length}`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    if (depth >= 2) return `object with ${entries.length} fields`;
    return Object.fromEntries(
      entries.slice(0, 40).map(([key, item]) => [key.slice(0, 64), shape(item, depth + 1)]),
    );
  }
  // Numbers, booleans and null say nothing that a shape would hide.
  return value ?? null;
}

/** `3: create 1, retrieve 2` */
function callsText(calls: Fields): string {
  const counts = Object.entries(calls).filter((entry): entry is [string, number] => Number(entry[1]) > 0);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  return total === 0 ? '0' : `${total}: ${counts.map(([name, count]) => `${name} ${count}`).join(', ')}`;
}

function faultText(fault: Fields, streak: unknown): string {
  const parts = [text(fault['type']), text(fault['code']), text(fault['message'])];
  const inRow = typeof streak === 'number' && streak > 0 ? ` (${streak} in a row)` : '';
  return parts.filter((part) => part !== null).join(' · ') + inRow;
}

function toolNames(calls: unknown): string | null {
  if (!Array.isArray(calls) || calls.length === 0) return null;
  return calls.map((call) => text(fields(call)['name']) ?? '?').join(', ');
}

/** `round 2: weather ok 1.2 s, ask tool_failed` */
function toolNotes(notes: unknown): readonly string[] | null {
  if (!Array.isArray(notes) || notes.length === 0) return null;
  const calls = notes.filter((note): note is unknown[] => Array.isArray(note));
  return [...Map.groupBy(calls, ([round]) => round)].map(([round, ofRound]) => {
    const told = ofRound.map(([, , name, result, startedAtMs, endedAtMs]) => {
      const known = typeof startedAtMs === 'number' && typeof endedAtMs === 'number';
      const took = known ? ` ${((endedAtMs - startedAtMs) / 1000).toFixed(1)} s` : '';
      return `${text(name) ?? '?'} ${text(result) ?? '?'}${took}`;
    });
    return `round ${String(round)}: ${told.join(', ')}`;
  });
}

/** The board has little room: what is not there takes none. */
function present(all: Fields): Fields {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null && value !== undefined));
}

function statusWord(state: Fields): string {
  const status = text(state['status']) ?? text(fields(state['ended'])['status']);
  const phase = text(state['phase']);
  if (phase === 'following' && typeof state['cancelSentAtMs'] === 'number') return 'cancelling';
  return status ?? phase ?? 'accepted';
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function pick(from: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(
    names.filter((name) => from[name] !== undefined).map((name) => [name, plain(from[name])]),
  );
}

/** Short and flat, whatever was written there. */
function plain(value: unknown): unknown {
  if (typeof value === 'string') return short(value);
  return typeof value === 'object' && value !== null ? shape(value) : value;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? short(value) : null;
}

function short(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  return value.length > 200 ? `${value.slice(0, 200)}…` : value;
}

function iso(ms: unknown): string | null {
  const valid = typeof ms === 'number' && Math.abs(ms) <= 8.64e15;
  return valid ? new Date(ms).toISOString() : null;
}

/** A callback's path and query may hold a token. */
function hostOf(url: unknown): string | null {
  return typeof url === 'string' && URL.canParse(url) ? new URL(url).host : null;
}
