/**
 * `npm run bench:streams`: one worker that holds thousands of streams. Whole processes, a real Redis, a provider of our
 * own, and subscribers at one API process.
 */

import { parseArgs } from 'node:util';
import { withRedis } from '../limiter/redis.ts';
import { streams } from './streams.ts';

const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '2000' },
    subscribers: { type: 'string', default: '100' },
    slow: { type: 'string', default: '0' },
    'delta-ms': { type: 'string', default: '1000' },
    'delta-characters': { type: 'string', default: '14' },
    seconds: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(
    'npm run bench:streams -- [--streams 2000] [--subscribers 100] [--slow 0] [--delta-ms 1000] [--delta-characters 14] [--seconds 20] [--json]\n',
  );
} else {
  const figures = await withRedis((redisPort) =>
    streams({
      redisPort,
      streams: Number(values.streams),
      subscribers: Number(values.subscribers),
      slow: Number(values.slow),
      deltaMs: Number(values['delta-ms']),
      deltaCharacters: Number(values['delta-characters']),
      seconds: Number(values.seconds),
    }),
  );
  if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
  else {
    for (const [name, figure] of Object.entries(figures))
      process.stdout.write(`${name.padEnd(40)} ${figure.toFixed(2)}\n`);
  }
}
