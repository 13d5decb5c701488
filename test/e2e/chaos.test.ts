/** A short session of `npm run chaos`. Longer ones, of any seed, are for people: see docs/reliability.md. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const leash = join(root, 'test/support/leash.ts');
const patienceMs = 480_000;

it(
  'keeps every promise while all that it is made of fails',
  { timeout: patienceMs },
  async ({ onTestFailed }) => {
    const args = ['--import', leash, 'chaos/main.ts', '--seed', '7', '--minutes', '0.4', '--json'];
    const session = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    const [verdict, stories] = await Promise.all([session.stdout, session.stderr].map(textOf));
    onTestFailed(() => void process.stderr.write(`${stories}\n${verdict}\n`));
    expect(JSON.parse(verdict ?? '')).toMatchObject({ kept: true });
  },
);

async function textOf(stream: Readable | null): Promise<string> {
  return stream === null ? '' : await text(stream);
}
