/** Runs, as people like to read them. */

import { hasEnded } from '../client/index.ts';
import type { RunStatus, RunView } from '../client/index.ts';
import { printable } from './output.ts';
import type { Paint, Style } from './output.ts';

export function styleOf(status: RunStatus): Style {
  switch (status) {
    case 'completed':
      return 'green';
    case 'failed':
    case 'expired':
    case 'timed_out':
    case 'lost':
    case 'rejected':
      return 'red';
    case 'incomplete':
    case 'cancelled':
    case 'cancelling':
    case 'requires_action':
      return 'yellow';
    case 'accepted':
    case 'creating':
    case 'queued':
    case 'in_progress':
      return 'cyan';
    default: {
      // A newer server may know more.
      const never: never = status;
      return never ?? 'dim';
    }
  }
}

/** `850 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `2026-11-20 04:05:06Z`: sortable, and the same everywhere. */
function time(iso: string): string {
  return iso.replace('T', ' ').replace(/\.\d+Z$/, 'Z');
}

export function describeRun(run: RunView, paint: Paint): string {
  const rows = [
    ['kind', run.kind],
    ['label', run.label],
    ['lane', run.lane],
    ['provider run', run.provider_run_id],
    ['thread', run.thread_id],
    // An older server does not tell.
    ['account', run.account ?? null],
    ['accepted', time(run.accepted_at)],
    ['ended', endOf(run)],
    ['next look', run.next_look_at === null ? null : time(run.next_look_at)],
    ['found by', foundBy(run)],
    ['API calls', calls(run)],
    ['looks', looks(run)],
    ['tools', toolRounds(run)],
    ['tokens', tokens(run)],
    ['metadata', pairs(run.metadata)],
    ['error', errorOf(run)],
    ['waits for', waitsFor(run)],
  ] as const;
  const lines = rows.flatMap(([name, value]) => {
    if (value === null) return [];
    // Everything here may be somebody else's text.
    const text = printable(value);
    return `  ${paint('dim', name.padEnd(12))}  ${name === 'error' ? paint('red', text) : text}`;
  });
  const head = `${paint('bold', printable(run.id))}  ${paint(styleOf(run.status), printable(run.status))}`;
  const output = run.output_text === null ? [] : ['', printable(run.output_text).trimEnd()];
  return [head, ...lines, ...output].join('\n');
}

function endOf(run: RunView): string | null {
  const at = run.completed_at ?? run.detected_at;
  if (!hasEnded(run) || at === null) return null;
  const took = Date.parse(at) - Date.parse(run.accepted_at);
  return took >= 0 ? `${time(at)} (${duration(took)} after it was accepted)` : time(at);
}

function foundBy(run: RunView): string | null {
  if (run.found_by === null) return null;
  const delay = run.detection_delay_ms === null ? '' : `, ${duration(run.detection_delay_ms)} after the end`;
  return `${run.found_by}${delay}`;
}

function calls(run: RunView): string {
  const { total, ...byOperation } = run.calls;
  const parts = Object.entries(byOperation).filter(([, count]) => count > 0);
  return parts.length === 0
    ? String(total)
    : `${total} (${parts.map(([name, count]) => `${name} ${count}`).join(', ')})`;
}

function looks(run: RunView): string | null {
  // An older server does not tell.
  const taken = run.looks ?? [];
  return taken.length === 0
    ? null
    : taken.map(({ age_ms: ageMs, reason }) => `${duration(ageMs)} ${reason}`).join(', ');
}

function toolRounds(run: RunView): string | null {
  // Neither does it tell of these.
  const rounds = run.tool_rounds ?? [];
  if (rounds.length === 0) return null;
  return rounds
    .map(({ round, calls: made }) => `round ${round}: ${made.map(toolCall).join(', ')}`)
    .join('; ');
}

function toolCall({
  name,
  result,
  started_at: from,
  ended_at: to,
}: RunView['tool_rounds'][number]['calls'][number]) {
  const took = from === null ? '' : ` ${duration(Math.max(0, Date.parse(to) - Date.parse(from)))}`;
  return `${name} ${result}${took}`;
}

function tokens(run: RunView): string | null {
  return run.usage === null ? null : `${run.usage.input_tokens} in, ${run.usage.output_tokens} out`;
}

function pairs(metadata: RunView['metadata']): string | null {
  const entries = Object.entries(metadata);
  return entries.length === 0 ? null : entries.map(([key, value]) => `${key}=${value}`).join(' ');
}

function errorOf(run: RunView): string | null {
  if (run.error === null) return null;
  const { code, message, retryable } = run.error;
  const hint = retryable ? `; worth another try: runfleet redrive ${run.id}` : '';
  return `${code}: ${message}${hint}`;
}

function waitsFor(run: RunView): string | null {
  if (run.required_action === null) return null;
  const names = run.required_action.tool_calls.map((call) => `${call.name} (${call.id})`);
  return `tool outputs: ${names.join(', ')}, until ${time(run.required_action.expires_at)}`;
}

interface Column {
  readonly name: string;
  readonly width: number;
  readonly of: (run: RunView) => string;
}

const delayColumn: Column = {
  name: 'DELAY',
  width: 9,
  of: ({ detection_delay_ms: ms }) => (ms === null ? '' : duration(ms)),
};

/** Why it is dead: there is no answer that could have been late. */
const errorColumn: Column = { name: 'ERROR', width: 18, of: ({ error }) => error?.code ?? '' };

/** The first one is painted. */
function columnsOf({ dead }: TableOptions): readonly Column[] {
  return [
    { name: 'STATUS', width: 15, of: ({ status }) => status },
    { name: 'KIND', width: 10, of: ({ kind }) => kind },
    { name: 'ACCEPTED', width: 20, of: (run) => time(run.accepted_at) },
    { name: 'CALLS', width: 5, of: ({ calls: { total } }) => String(total) },
    dead ? errorColumn : delayColumn,
  ];
}

export interface TableOptions {
  readonly idWidth: number;
  readonly paint: Paint;
  /** Of dead letters. */
  readonly dead: boolean;
}

export function tableHead(table: TableOptions): string {
  const names = columnsOf(table).map(({ name, width }) => name.padEnd(width));
  return table.paint('dim', ['ID'.padEnd(table.idWidth), ...names, 'LABEL'].join('  '));
}

export function tableRow(run: RunView, table: TableOptions): string {
  const { idWidth, paint } = table;
  const cells = columnsOf(table).map(({ width, of }) => printable(of(run)).padEnd(width));
  const [status = '', ...rest] = cells;
  const id = printable(run.id).padEnd(idWidth);
  return [id, paint(styleOf(run.status), status), ...rest, printable(run.label ?? '')].join('  ').trimEnd();
}
