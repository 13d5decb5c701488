import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { checkToolsModule } from '../../../src/cli/doctor/tools-module.ts';

it.each([
  ['export default { fly: { handler: () => 1 }, swim: { handler() {} } };', 'ok', /2 tools: fly, swim/],
  // What it opens must not keep the command alive.
  ['setInterval(() => {}, 1000); console.log("hi"); export default { fly: { handler() {} } };', 'ok', /fly/],
  ['export default { fly: { handler: 1 } };', 'fail', /fly\.handler: must be a function/],
  ['export const fly = 1;', 'fail', /no default export/],
  ['throw new Error("no database");', 'fail', /no database/],
  ['process.exit(3);', 'fail', /ends the process/],
])('a module of tools: %s', async (code, verdict, message) => {
  const folder = await mkdtemp(join(tmpdir(), 'runfleet-doctor-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'tools.mjs'), code);
  const findings = await checkToolsModule({ RUNFLEET_TOOLS_MODULE: './tools.mjs' }, folder);
  expect(findings).toMatchObject([
    { check: 'tools.module', verdict, message: expect.stringMatching(message) },
  ]);
});

it('no module: nothing to say', async () => {
  expect(await checkToolsModule({}, tmpdir())).toEqual([]);
});
