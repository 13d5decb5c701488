import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execPath } from 'node:process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadToolsModule } from '../../../../src/adapters/tools/load-module.ts';

const run = promisify(execFile);
let folder = '';

async function file(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), text);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runfleet-tools-'));
  const good =
    'export default { add: { handler: () => 1 }, wait: { handler: () => 2, timeoutSeconds: 86400 } };';
  await file('package.json', '{"type":"module"}');
  await file('good.js', good);
  await file(
    'typed.ts',
    'const tools: object = { add: { handler: (): number => 1 } }; export default tools;',
  );
  await file('node_modules/my-tools/package.json', '{"type":"module","exports":"./index.js"}');
  await file('node_modules/my-tools/index.js', good);
  await file('none.js', 'export const tools = {};');
  await file('empty.js', 'export default {};');
  await file('throws.js', 'throw new Error("needs DATABASE_URL");');
  await file('broken.js', 'export default {');
  await file('broken.ts', 'export default {};\nconst x: = 3;');
  await file('list.js', 'export default [];');
  await file(
    'wrong.js',
    `export default {
      'no name': { handler() {} },
      add: { handler: 'text', timeoutSeconds: -1 },
      wait: { handler() {}, timeout: 5 },
      check: { handler() {}, parameters: { type: 'object' } },
    };`,
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it.each(['./good.js', 'good.js', 'my-tools'])('loads %s as seen from the working directory', async (name) => {
  const tools = await loadToolsModule(name, folder);
  expect([...tools.keys()]).toEqual(['add', 'wait']);
  expect(tools.get('wait')?.timeoutSeconds).toBe(86_400);
});

it('loads a path that is absolute', async () => {
  expect([...(await loadToolsModule(join(folder, 'good.js'), '/')).keys()]).toEqual(['add', 'wait']);
});

it.each([
  ['none.js', /no default export/],
  ['empty.js', /holds no tool/],
  ['throws.js', /cannot be loaded .*needs DATABASE_URL/],
  ['list.js', /default export: .*expected record/],
  ['missing.js', /cannot be loaded/],
  ['no-such-package', /cannot be loaded/],
])('says what is wrong with %s', async (name, message) => {
  await expect(loadToolsModule(name, folder)).rejects.toThrow(message);
});

it('names everything that is wrong', async () => {
  const failure = await loadToolsModule('./wrong.js', folder).catch((error: Error) => error.message);
  for (const part of [
    'no name: a tool’s name has',
    'add.handler',
    'add.timeoutSeconds',
    'wait',
    'timeout',
    'check.parameters',
  ])
    expect(failure).toContain(part);
});

it.each([
  ['throws.js', /needs DATABASE_URL \(.*throws\.js:1\)$/],
  ['broken.ts', /\(.*broken\.ts:2\)$/],
  ['broken.js', /end of input; "node --check" and the file say where$/],
  ['./missing.js', /imported from [^()]+$/],
])('says where %s is broken', async (name, message) => {
  // By Node itself: the loader of the tests reads modules in its own way.
  const loader = import.meta.resolve('../../../../src/adapters/tools/load-module.ts');
  const script = `import { loadToolsModule } from '${loader}';
    loadToolsModule('${name}', process.cwd()).catch(({ message }) => process.stdout.write(message));`;
  const { stdout } = await run(execPath, ['--input-type=module', '-e', script], { cwd: folder });
  expect(stdout).toMatch(message);
});
