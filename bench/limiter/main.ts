/**
 * Our limiter beside BullMQ's, rate-limiter-flexible and bottleneck: the same load, real processes, a real Redis.
 * `node bench/limiter/main.ts [--json] [--limit 1000] [--window 5] [--processes 4] [--callers 40] [--only bullmq]`
 *
 * With `--fleet`, ours alone in whole workers, at the quota of minutes that providers have:
 * `node bench/limiter/main.ts --fleet [--json] [--rpm 600,3000] [--runs 4000] [--seconds 180] [--processes 4]`
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { Queue } from 'bullmq';
import { Redis } from 'ioredis';

import { bullQueue } from './drives.ts';
import { fleet, type FleetFigures } from './fleet.ts';
import { type Load, type Report, type Scheme, schemes } from './load.ts';
import { commandCounts, type Figures, figuresOf } from './measure.ts';
import { withRedis } from './redis.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    limit: { type: 'string', default: '1000' },
    window: { type: 'string', default: '5' },
    processes: { type: 'string', default: '4' },
    callers: { type: 'string', default: '40' },
    only: { type: 'string' },
    fleet: { type: 'boolean', default: false },
    rpm: { type: 'string', default: '600,3000' },
    runs: { type: 'string' },
    seconds: { type: 'string', default: '180' },
  },
});
const windowMs = Number(values.window) * 1000;
const processes = Number(values.processes);
const workerScript = fileURLToPath(new URL('worker.ts', import.meta.url));

async function main(): Promise<void> {
  const results: Figures[] = [];
  for (const scheme of schemes) {
    if (values.only !== undefined && values.only !== scheme) continue;
    if (!values.json) process.stderr.write(`${scheme} …\n`);
    results.push(await withRedis((port) => measure(scheme, port)));
  }
  const setting = { limit: Number(values.limit), windowMs, processes, callers: Number(values.callers) };
  process.stdout.write(
    values.json ? `${JSON.stringify({ ...setting, results }, null, 2)}\n` : table(results),
  );
}

async function mainOfFleet(): Promise<void> {
  const results: FleetFigures[] = [];
  for (const limit of values.rpm.split(',').map(Number)) {
    if (!values.json) process.stderr.write(`${limit} a minute …\n`);
    const seconds = Number(values.seconds);
    // A call each, though they take two at least: nobody may run out of work.
    const runs = Number(values.runs ?? (limit / 60) * (seconds + 60));
    results.push(await fleet({ limit, processes, runs, watchMs: seconds * 1000 }));
  }
  process.stdout.write(
    values.json ? `${JSON.stringify({ processes, results }, null, 2)}\n` : fleetTable(results),
  );
}

async function measure(scheme: Scheme, redisPort: number): Promise<Figures> {
  // The processes need a moment to come up.
  const firstAtMs = Date.now() + 1200;
  const crowdAtMs = firstAtMs + 0.8 * windowMs;
  const load: Load = {
    scheme,
    redisPort,
    limit: Number(values.limit),
    windowMs,
    process: 0,
    callers: Number(values.callers),
    firstAtMs,
    crowdAtMs,
    endAtMs: crowdAtMs + 2 * windowMs,
    callMs: 20,
  };
  const redis = new Redis({ port: redisPort, host: '127.0.0.1' });
  const running = Array.from({ length: processes }, (_, at) => run({ ...load, process: at }));
  if (scheme === 'bullmq') await feedBull(load);
  await sleep(Math.max(1, crowdAtMs - Date.now()));
  const before = commandCounts(await redis.info('commandstats'));
  const reports = await Promise.all(running);
  const after = commandCounts(await redis.info('commandstats'));
  redis.disconnect();
  return figuresOf(load, reports, {
    trips: after.trips - before.trips,
    micros: after.micros - before.micros,
  });
}

/** One job opens the window, the rest comes with the crowd. */
async function feedBull(load: Load): Promise<void> {
  const queue = new Queue(bullQueue, { connection: { port: load.redisPort, host: '127.0.0.1' } });
  await sleep(Math.max(1, load.firstAtMs - Date.now()));
  await queue.add('call', {});
  await sleep(Math.max(1, load.crowdAtMs - Date.now() - 300));
  await queue.addBulk(
    Array.from({ length: load.limit * 4 }, () => ({ name: 'call', data: {}, opts: { delay: 300 } })),
  );
  await queue.close();
}

async function run(load: Load): Promise<Report> {
  const child = spawn(process.execPath, [workerScript, JSON.stringify(load)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return JSON.parse(output);
}

function table(results: readonly Figures[]): string {
  const head = ['limiter', 'worst window', 'use', 'trips a permit', 'Redis µs a permit', 'fairness (Jain)'];
  const rows = results.map((figures) => [
    figures.scheme,
    `+${figures.overshootPercent.toFixed(1)} %`,
    `${figures.usePercent.toFixed(1)} %`,
    figures.tripsPerPermit.toFixed(2),
    figures.redisMicrosPerPermit.toFixed(0),
    figures.jain.toFixed(3),
  ]);
  return asTable(head, rows);
}

function fleetTable(results: readonly FleetFigures[]): string {
  const head = [
    'limit a minute',
    'worst window',
    '429s',
    'use',
    'trips a permit',
    'fairness (Jain)',
    'watched',
  ];
  const rows = results.map((figures) => [
    String(figures.limit),
    String(figures.worstWindow),
    String(figures.throttled),
    `${figures.usePercent.toFixed(2)} %`,
    figures.tripsPerPermit.toFixed(3),
    figures.jain.toFixed(4),
    `${figures.watchedSeconds} s`,
  ]);
  return asTable(head, rows);
}

function asTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, at) => Math.max(cell.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |\n`;
  return line(head) + line(widths.map((width) => '-'.repeat(width))) + rows.map(line).join('');
}

await (values.fleet ? mainOfFleet() : main());
