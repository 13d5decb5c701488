import { styleText } from 'node:util';
import type { Measured } from './baselines.ts';
import type { Result } from './fleet.ts';

type Print = (line: string) => void;

/** One line a status, and the runs that did not end as they should. Returns how many those are. */
export function printEndings(results: readonly Result[], print: Print, colour: boolean): number {
  print('');
  print('Every run, by its ending:');
  const byStatus = Map.groupBy(results, ({ view }) => `${view.kind.padEnd(10)} ${view.status}`);
  for (const [name, group] of [...byStatus].sort(([a], [b]) => a.localeCompare(b))) {
    const codes = new Set(group.flatMap(({ view }) => view.error?.code ?? []));
    print(
      `  ${String(group.length).padStart(3)}  ${name}${codes.size > 0 ? `  (${[...codes].join(', ')})` : ''}`,
    );
  }
  const wrong = results.filter(({ run, view }) => run.expected !== view.status);
  for (const { run, view } of wrong) {
    print(
      paint(colour, 'red', `  WRONG: ${view.id} should have ended ${run.expected}, but ended ${view.status}`),
    );
  }
  if (wrong.length === 0) print(paint(colour, 'green', `  All ${results.length} ended as expected.`));
  return wrong.length;
}

/** What the runs with tools came to, by kind. */
export function printTools(results: readonly Result[], print: Print): void {
  const asked = results.filter(({ view }) => view.tool_rounds.length > 0);
  if (asked.length === 0) return;
  print('');
  print('Runs whose model called tools (answered by demo/tools.ts, two calls at a time):');
  for (const [kind, group] of Map.groupBy(asked, ({ view }) => view.kind)) {
    const rounds = group.reduce((sum, { view }) => sum + view.tool_rounds.length, 0);
    const calls = group.reduce(
      (sum, { view }) => sum + view.tool_rounds.flatMap((round) => round.calls).length,
      0,
    );
    const submits = group.reduce((sum, { view }) => sum + view.calls.submit, 0);
    print(`  ${kind.padEnd(10)} ${group.length} runs, ${rounds} rounds, ${calls} calls, ${submits} submits`);
  }
}

/** Calls a run and delay, side by side. */
export function printComparison(rows: ReadonlyMap<string, Measured>, print: Print, colour: boolean): void {
  print('');
  print('The same runs, four ways (counted by the simulators):');
  print(
    `  ${''.padEnd(44)} ${'calls a run'.padStart(12)} ${'mean delay'.padStart(11)} ${'p95 delay'.padStart(10)}`,
  );
  for (const [name, { runs, calls, delaysMs }] of rows) {
    const sorted = [...delaysMs].sort((a, b) => a - b);
    const mean = sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length;
    const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.NaN;
    const line = `  ${name.padEnd(44)} ${(calls / runs).toFixed(2).padStart(12)} ${seconds(mean).padStart(11)} ${seconds(p95).padStart(10)}`;
    print(name.startsWith('runfleet') ? paint(colour, 'bold', line) : line);
  }
  print('  With webhooks a response costs two calls; a run of the Assistants API a third, for its messages.');
  print(
    '  A call is any request to the provider: create, looks, and the list of messages that holds an answer.',
  );
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
const paint = (on: boolean, format: 'red' | 'green' | 'bold', text: string): string =>
  on ? styleText(format, text) : text;
