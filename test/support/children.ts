/** What this test process has started: ended with it however it dies, and found out when it is left behind. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';

/**
 * Runs a program that knows nothing of us, and ends it when our end of its standard input closes: also when this
 * process is killed and cannot say so. Tells the program's own id on descriptor 3.
 */
const guard = '"$@" 3>&- & echo $! >&3; exec 3>&-; cat > /dev/null; kill -9 $! 2> /dev/null; wait $!';

export interface GuardedChild {
  /** Of the program, not of its guard. */
  readonly pid: number;
  /** Ends the program at once, if it is still there. */
  end(): Promise<void>;
}

export async function spawnGuarded(file: string, args: readonly string[]): Promise<GuardedChild> {
  const child: ChildProcess = spawn('sh', ['-c', guard, 'sh', file, ...args], {
    stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  const told = child.stdio[3];
  if (!(told instanceof Readable)) throw new Error('The guard has no descriptor 3.');
  const pid = Number(await firstLine(told));
  return {
    pid,
    async end() {
      child.stdin?.end();
      await exited;
    },
  };
}

async function firstLine(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text.trim();
}

/** Command lines of the processes whose parent we are. Empty where the system has no /proc. */
export async function childProcesses(): Promise<string[]> {
  const ids = await readdir('/proc').catch(() => []);
  const found = await Promise.all(ids.filter((id) => /^\d+$/.test(id)).map(commandOfChild));
  return found.filter((command) => command !== null);
}

async function commandOfChild(id: string): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${id}/stat`, 'utf8');
    // After the name, which stands in parentheses and may hold anything: state, then the parent's id.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(parent) !== process.pid || state === 'Z') return null;
    const command = await readFile(`/proc/${id}/cmdline`, 'utf8');
    return `${id} ${command.replaceAll('\0', ' ').trim()}`;
  } catch {
    // It ended while we looked.
    return null;
  }
}
