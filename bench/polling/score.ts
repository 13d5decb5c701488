/** What a policy is scored by. Delays in seconds. */

import type { Found } from './simulated-run.ts';

export interface Score {
  readonly runs: number;
  /** Looks a run, the one that found it included. */
  readonly looks: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** `c·looks + delay`: what the schedule is meant to make small. */
  readonly cost: number;
}

export function scoreOf(found: readonly Found[], costSeconds: number): Score {
  const delays = found.map((one) => one.delayMs / 1000).sort((a, b) => a - b);
  const looks = mean(found.map((one) => one.looks));
  const delay = mean(delays);
  return {
    runs: found.length,
    looks,
    mean: delay,
    p50: quantile(delays, 0.5),
    p95: quantile(delays, 0.95),
    p99: quantile(delays, 0.99),
    cost: costSeconds * looks + delay,
  };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** Of values in rising order. */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** Three figures, or as many as it takes to show the whole part. */
export function figure(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** Columns as wide as their widest cell; the first is left-aligned. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}
