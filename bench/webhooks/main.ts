/**
 * `npm run bench:webhooks`: how fast the API answers webhooks at a steady rate, and how long after its webhook a run's
 * end is known. Whole processes, a real Redis, and a relay of our own before the API, which notes when each webhook came.
 * `--cold`: calls a run of fleets that have learnt nothing, default settings. `--faults`: two minutes of losses,
 * duplicates, disorder, an outage of a minute, and workers that are killed.
 */

import { parseArgs } from 'node:util';
import { withRedis } from '../limiter/redis.ts';
import { answers } from './answers.ts';
import { cold } from './cold.ts';
import { faults } from './faults.ts';
import { BenchFleet, webhooksAlone } from './fleet.ts';
import { wakes } from './wakes.ts';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '10' },
    runs: { type: 'string', default: '500' },
    cold: { type: 'boolean', default: false },
    faults: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const usage = `npm run bench:webhooks -- [--rate 500] [--seconds 10] [--runs 500] [--json]
npm run bench:webhooks -- --cold [--json]     calls a run of fleets that have learnt nothing (2 minutes)
npm run bench:webhooks -- --faults [--json]   losses, duplicates, an outage of a minute, workers killed (3 minutes)
`;

async function measured(redisPort: number): Promise<Record<string, number>> {
  if (values.cold) return await cold(redisPort, [3, 8, 20]);
  if (values.faults) return await faults(redisPort, 5);
  await using fleet = await BenchFleet.start({ redisPort, env: webhooksAlone });
  return {
    ...(await wakes(fleet, Number(values.runs))),
    ...(await answers(fleet, Number(values.rate), Number(values.seconds))),
  };
}

if (values.help) {
  process.stdout.write(usage);
} else {
  await withRedis(async (port) => {
    const figures = await measured(port);
    if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
    else {
      for (const [name, figure] of Object.entries(figures))
        process.stdout.write(`${name.padEnd(40)} ${figure.toFixed(2)}\n`);
    }
  });
}
