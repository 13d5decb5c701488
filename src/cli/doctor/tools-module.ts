import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import * as z from 'zod';
import { fail, ok, setting } from './finding.ts';
import type { Env, Finding } from './finding.ts';

const patienceMs = 20_000;

/** In a thread of its own: what the module opens or prints must not keep or disturb this process. */
const load = `
  const { parentPort, workerData } = require('node:worker_threads');
  import(workerData.loader)
    .then(({ loadToolsModule }) => loadToolsModule(workerData.specifier, workerData.cwd))
    .then((tools) => ({ names: [...tools.keys()] }), (error) => ({ error: String(error.message) }))
    .then((found) => parentPort.postMessage(found));
`;

const found = z.union([z.object({ names: z.array(z.string()) }), z.object({ error: z.string() })]);

/** Loads the module as `runfleet tools` would. Empty where none is set. */
export async function checkToolsModule(env: Env, cwd: string): Promise<Finding[]> {
  const check = 'tools.module';
  const specifier = setting(env, 'RUNFLEET_TOOLS_MODULE');
  if (specifier === undefined) return [];
  const loader = new URL(`../../adapters/tools/load-module${extname(import.meta.url)}`, import.meta.url);
  const told = await loadApart({ loader: loader.href, specifier, cwd });
  if ('names' in told)
    return [ok(check, `RUNFLEET_TOOLS_MODULE has ${told.names.length} tools: ${told.names.join(', ')}`)];
  const [first = '', ...wrong] = told.error.split('\n').map((line) => line.trim());
  const message = [first, ...wrong.slice(0, -1)].join(' ');
  return [fail(check, message, wrong.at(-1) ?? 'Correct it: `runfleet tools` refuses to start like this.')];
}

async function loadApart(workerData: object): Promise<z.output<typeof found>> {
  const worker = new Worker(load, { eval: true, workerData, stdout: true, stderr: true });
  const outcome = Promise.withResolvers<unknown>();
  const give = (error: string): void => outcome.resolve({ error });
  const timer = setTimeout(
    () => give(`RUNFLEET_TOOLS_MODULE was not loaded within ${patienceMs / 1000} s`),
    patienceMs,
  );
  worker.on('message', outcome.resolve);
  worker.on('error', (error) => give(`RUNFLEET_TOOLS_MODULE fails: ${String(error)}`));
  worker.on('exit', () => give('RUNFLEET_TOOLS_MODULE ends the process that loads it'));
  try {
    return found.parse(await outcome.promise);
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
