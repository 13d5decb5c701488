/** One process of the load: `node worker.ts '{"scheme": …}'`. Prints its report. */
import { setTimeout as sleep } from 'node:timers/promises';

import { drives } from './drives.ts';
import type { Load, Report } from './load.ts';

const load: Load = JSON.parse(process.argv[2] ?? '');
const times: number[] = [];

async function call(): Promise<void> {
  times.push(performance.timeOrigin + performance.now());
  await sleep(load.callMs);
}

await drives[load.scheme](load, call);
const report: Report = { times };
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
