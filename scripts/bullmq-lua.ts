/** BullMQ's own Lua scripts, as files for workers in languages whose BullMQ client cannot be installed. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as z from 'zod';

/** What it takes to serve a queue. */
const names = [
  'extendLock',
  'moveStalledJobsToWait',
  'moveToActive',
  'moveToDelayed',
  'moveToFinished',
  'promote',
];

/** By file name. */
export async function bullmqLua(root: string): Promise<Record<string, string>> {
  const bullmq = join(root, 'node_modules/bullmq');
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(await readFile(join(bullmq, 'package.json'), 'utf8')));
  const folder = join(bullmq, 'dist/esm/scripts');
  const files = await readdir(folder);
  const scripts = names.map(async (name): Promise<[string, string]> => {
    const file = files.find((each) => new RegExp(`^${name}-\\d+\\.js$`).test(each));
    if (file === undefined) throw new Error(`BullMQ ${version} has no script ${name}.`);
    const module: unknown = await import(pathToFileURL(join(folder, file)).href);
    const { content } = z.record(z.string(), z.object({ content: z.string() })).parse(module)[name] ?? {
      content: '',
    };
    return [
      `${name}.lua`,
      `-- ${name} of BullMQ ${version} (MIT, https://bullmq.io): made by npm run generate.\n${content}`,
    ];
  });
  return Object.fromEntries(await Promise.all(scripts));
}
