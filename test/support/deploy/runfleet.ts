import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually } from '../eventually.ts';
import { repository } from './image.ts';

const leash = join(repository, 'test/support/leash.ts');

export interface Runfleet extends AsyncDisposable {
  /** What it printed and logged so far. */
  output(): string;
  /** The address behind a word of its output, such as `API: http://…`. */
  address(word: string): string;
}

/** One process as `npx runfleet ROLE` starts it, once it says that it is ready. It ends with the test, however that ends. */
export async function startRunfleet(role: string, env: Readonly<Record<string, string>>): Promise<Runfleet> {
  const child = spawn(process.execPath, ['--import', leash, join(repository, 'bin/runfleet.js'), role], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const exited = once(child, 'exit');
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += String(chunk)));
  const running = {
    output: () => text,
    address(word: string): string {
      const found = new RegExp(`${word}: (http://[^\\s/]+)`).exec(text)?.[1];
      if (found === undefined) throw new Error(`No address of "${word}" in: ${text}`);
      return found;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exited;
    },
  };
  const ready = `runfleet ${role}: ready`;
  try {
    await eventually(
      `"${ready}"`,
      () => text,
      (seen) => seen.includes(ready) || child.exitCode !== null,
    );
    if (!text.includes(ready)) throw new Error(`runfleet ${role} ended: ${text}`);
  } catch (error) {
    child.kill('SIGKILL');
    await exited;
    throw error;
  }
  return running;
}
