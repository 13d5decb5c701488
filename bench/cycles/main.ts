/**
 * `npm run bench:cycles`: delayed cycles a second of a runs worker, against a bare BullMQ processor that does the same
 * cycles, in turns in one process on one real Redis. The provider answers from memory on our side and is absent on the
 * other, so the ratio is the price of everything that runfleet does around BullMQ.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { freePort } from '../../src/runtime/free-port.ts';
import { bareCycles } from './bare.ts';
import { runfleetCycles } from './runfleet.ts';

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '2000' },
    cycles: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    concurrency: { type: 'string', default: '200' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(
    'npm run bench:cycles -- [--jobs 2000] [--cycles 10] [--rounds 5] [--concurrency 200] [--json]\n',
  );
} else {
  await main();
}

async function main(): Promise<void> {
  const load = {
    jobs: Number(values.jobs),
    cycles: Number(values.cycles),
    concurrency: Number(values.concurrency),
  };
  const port = await freePort();
  const server = spawn(
    'redis-server',
    ['--port', `${port}`, '--save', '', '--appendonly', 'no', '--hz', '100'],
    {
      stdio: 'ignore',
    },
  );
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  client.on('error', () => {});
  try {
    const bare: number[] = [];
    const ours: number[] = [];
    for (let round = 0; round < Number(values.rounds); round += 1) {
      // In turns, each first in every other round: what else the machine does hits both alike.
      const order = round % 2 === 0 ? (['bare', 'ours'] as const) : (['ours', 'bare'] as const);
      for (const which of order) {
        await client.flushall();
        if (which === 'bare') bare.push(await bareCycles(url, load));
        else ours.push(await runfleetCycles(url, load));
      }
    }
    const result = {
      ...load,
      bare: median(bare),
      runfleet: median(ours),
      ratio: median(ours) / median(bare),
    };
    const text = [
      `${load.jobs} jobs × ${load.cycles} cycles, ${load.concurrency} at a time, median of ${bare.length} rounds`,
      `  bare BullMQ processor  ${Math.round(result.bare)} cycles/s`,
      `  runfleet runs worker   ${Math.round(result.runfleet)} cycles/s`,
      `  ratio                  ${result.ratio.toFixed(2)}`,
    ].join('\n');
    process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : `${text}\n`);
  } finally {
    client.disconnect();
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
