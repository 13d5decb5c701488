/** Compares ways to poll, in virtual time and through the real `decide`. See docs/polling.md. */

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { type Comparison, compare, compareFleet, type FleetComparison } from './compare.ts';
import { leastHonestRatio, type PlaceboResult, placebos } from './placebo.ts';
import { plotOf } from './plot.ts';
import { figure, quantile, table } from './score.ts';
import { compareReal, type RealComparison } from './real.ts';
import { svg } from './svg.ts';
import { targets, type TargetResult } from './targets.ts';
import { readWorlds, UsageError, type World } from './world.ts';
import { fleetWorlds, namedWorlds, randomWorld, shiftWorlds, stepFleet, webhookWorld } from './worlds.ts';

interface Report {
  readonly seed: number;
  readonly worlds: readonly Comparison[];
  readonly fleets: readonly FleetComparison[];
  readonly placebos: readonly PlaceboResult[];
  readonly targets: readonly TargetResult[];
}

const usage = `Compares ways to poll, in virtual time or with real processes. See docs/polling.md.

  npm run bench:polling -- [--world <json>] [--seed <n>] [--runs <n>] [--json] [--plot <svg>] [--targets]
  npm run bench:polling -- --real [--world <json>] [--seed <n>] [--runs <n>]   with real processes; takes minutes

  <json>: a file, or the text itself. Without one: the worlds of docs/polling.md, and random ones.
  --targets: what docs/polling.md promises; exit code 1 when a row is missed.`;

const randomWorlds = 12;

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      world: { type: 'string' },
      seed: { type: 'string' },
      runs: { type: 'string', default: '1000' },
      json: { type: 'boolean', default: false },
      plot: { type: 'string' },
      targets: { type: 'boolean', default: false },
      real: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    write(usage);
    return 0;
  }
  const seed = wholeNumber('seed', values.seed ?? String(Math.floor(Math.random() * 1e9)), 0);
  const runs = wholeNumber('runs', values.runs, 10);
  if (!values.json) write(`seed ${seed}   (repeat with --seed ${seed})`);
  if (values.real) {
    const [world] = values.world === undefined ? [] : readWorlds(values.world);
    return reportReal(await compareReal(seed, runs, world));
  }
  const report = values.targets
    ? { seed, worlds: [], fleets: [], placebos: [], targets: targets(seed) }
    : values.world === undefined
      ? standard(seed, runs)
      : measure(seed, runs, readWorlds(values.world));
  if (values.json) write(JSON.stringify(report, null, 2));
  else print(report);
  if (values.plot !== undefined) {
    const worlds = values.world === undefined ? namedWorlds : readWorlds(values.world);
    writeFileSync(values.plot, svg(worlds.map((world) => plotOf(world, seed, runs))));
    if (!values.json) write(`plot written to ${values.plot}`);
  }
  const missed = report.targets.some(({ met, gating }) => gating && !met);
  return missed || report.placebos.some(({ ratio }) => ratio < leastHonestRatio) ? 1 : 0;
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new UsageError(`--${name} must be a whole number of at least ${least}.`);
  return value;
}

function standard(seed: number, runs: number): Report {
  const drawn = Array.from({ length: randomWorlds }, (_, i) => randomWorld(seed, i));
  const open = [...namedWorlds, ...shiftWorlds, webhookWorld(1, 20, 0.5), ...drawn];
  const fleets = [fleetWorlds.mixed.published, stepFleet];
  return { ...measure(seed, runs, [...open, ...fleets]), placebos: placebos(seed, 3 * runs) };
}

function measure(seed: number, runs: number, worlds: readonly World[]): Report {
  const open = worlds.filter((world) => world.budget === undefined);
  const budgeted = worlds.filter((world) => world.budget !== undefined);
  return {
    seed,
    worlds: open.map((world) => compare(world, seed, runs)),
    fleets: budgeted.map((world) => compareFleet(world, seed)),
    placebos: [],
    targets: [],
  };
}

function named(name: string, values: readonly number[]): string[] {
  return [name, ...values.map(figure)];
}

function print(report: Report): void {
  for (const { world, rows, costSeconds } of report.worlds) {
    const header = [`${world}, c = ${costSeconds} s`, 'looks', 'mean s', 'p50', 'p95', 'p99', '× optimum'];
    const lines = rows.map(({ policy, score, ratio }) =>
      named(policy, [score.looks, score.mean, score.p50, score.p95, score.p99, ratio]),
    );
    write(`\n${table([header, ...lines])}`);
  }
  for (const { world, rows } of report.fleets) {
    const header = [
      world,
      'looks',
      'mean s',
      'p50',
      'p95',
      'p99',
      'used %',
      'worst 60 s %',
      'price s',
      'reviews',
    ];
    const lines = rows.map(({ policy, score, used, worstWindow, priceSeconds, reviews }) => {
      const { looks, mean, p50, p95, p99 } = score;
      return named(policy, [
        looks,
        mean,
        p50,
        p95,
        p99,
        100 * used,
        100 * worstWindow,
        priceSeconds,
        reviews,
      ]);
    });
    write(`\n${table([header, ...lines])}`);
  }
  printSummary(report.worlds);
  for (const { world, ratio } of report.placebos) {
    const verdict = ratio < leastHonestRatio ? 'LEAK' : 'ok';
    write(`${world}: learned costs ${figure(ratio)} × the best fixed gap (${verdict})`);
  }
  if (report.targets.length > 0) {
    const lines = report.targets.map(({ what, target, measured, optimum, met, gating }) => [
      what,
      target,
      measured,
      optimum,
      met ? 'met' : gating ? 'MISSED' : 'missed (not gating)',
    ]);
    write(`\n${table([['what', 'target', 'measured', 'optimum', ''], ...lines])}`);
  }
}

function printSummary(worlds: readonly Comparison[]): void {
  const drawn = worlds.filter(({ world }) => world.startsWith('random'));
  if (drawn.length === 0) return;
  const policies = drawn[0]?.rows.map(({ policy }) => policy) ?? [];
  const lines = policies.map((policy) => {
    const ratios = drawn
      .flatMap(({ rows }) => rows.filter((row) => row.policy === policy).map(({ ratio }) => ratio))
      .sort((a, b) => a - b);
    return [policy, figure(quantile(ratios, 0.5)), figure(quantile(ratios, 0.9))];
  });
  write(
    `\n${table([[`cost × optimum over ${drawn.length} random worlds`, 'median', 'worst decile'], ...lines])}\n`,
  );
}

function off(real: number, virtual: number): number {
  return 100 * (real / virtual - 1);
}

/** Exit code 0 where each figure of the real fleet is within 5 % of the virtual one. */
function reportReal(compared: readonly RealComparison[]): number {
  const rows = compared.flatMap(({ policy, virtual, real }) =>
    (['looks', 'meanDelay'] as const).map((name) => ({
      cells: named(`${policy}: ${name === 'looks' ? 'looks a run' : 'mean delay, s'}`, [
        virtual[name],
        real[name],
        off(real[name], virtual[name]),
      ]),
      within: Math.abs(off(real[name], virtual[name])) <= 5,
    })),
  );
  write(table([['', 'virtual', 'real', 'off by %'], ...rows.map(({ cells }) => cells)]));
  return rows.every(({ within }) => within) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
  if (!isUsage) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
