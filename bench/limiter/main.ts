/**
 * Our limiter beside BullMQ's, rate-limiter-flexible and bottleneck: the same load, real processes, a real Redis.
 * `node bench/limiter/main.ts [--json] [--limit 1000] [--window 5] [--processes 4] [--callers 40] [--only bullmq]`
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { Queue } from 'bullmq';
import { Redis } from 'ioredis';

import { bullQueue } from './drives.ts';
import { type Load, type Report, type Scheme, schemes } from './load.ts';
import { commandCounts, type Figures, figuresOf } from './measure.ts';
import { freePort } from '../../src/runtime/free-port.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    limit: { type: 'string', default: '1000' },
    window: { type: 'string', default: '5' },
    processes: { type: 'string', default: '4' },
    callers: { type: 'string', default: '40' },
    only: { type: 'string' },
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

async function withRedis<T>(use: (port: number) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'runfleet-bench-'));
  const port = await freePort();
  const options = [
    '--port',
    String(port),
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    dir,
    '--loglevel',
    'warning',
  ];
  const server = spawn('redis-server', options, { stdio: 'ignore' });
  try {
    const probe = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20 });
    // Refused until the server is up; the client tries again.
    probe.on('error', () => {});
    await probe.ping();
    probe.disconnect();
    return await use(port);
  } finally {
    server.kill('SIGKILL');
    await rm(dir, { recursive: true, force: true });
  }
}

function table(results: readonly Figures[]): string {
  const rows = results.map((figures) => [
    figures.scheme,
    `+${figures.overshootPercent.toFixed(1)} %`,
    `${figures.usePercent.toFixed(1)} %`,
    figures.tripsPerPermit.toFixed(2),
    figures.redisMicrosPerPermit.toFixed(0),
    figures.jain.toFixed(3),
  ]);
  const head = ['limiter', 'worst window', 'use', 'trips a permit', 'Redis µs a permit', 'fairness (Jain)'];
  const widths = head.map((cell, at) => Math.max(cell.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |\n`;
  return line(head) + line(widths.map((width) => '-'.repeat(width))) + rows.map(line).join('');
}

await main();
