/** One real process of the fleet: spawned, and watched. Knows no test runner, so that `chaos/` can use it too. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { processEnvironment } from '../../src/config/index.ts';
import { eventually } from './eventually.ts';

const root = join(import.meta.dirname, '../..');
const leash = join(import.meta.dirname, 'leash.ts');

/** What owns processes: a test (its context fits), or a whole file. */
export interface Lifetime {
  onTestFailed(callback: () => unknown): unknown;
  onTestFinished(callback: () => unknown): unknown;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export type Env = Readonly<Record<string, string>>;

/** One `runfleet …`. Nothing of our own environment reaches it but what is given, and the PATH. */
export class RunfleetProcess {
  readonly name: string;
  readonly exited: Promise<Exit>;
  stdout = '';
  stderr = '';
  private readonly child: ChildProcess;
  private exit: Exit | null = null;

  private constructor(args: readonly string[], env: Env) {
    this.name = `runfleet ${args.join(' ')}`;
    this.child = spawn(process.execPath, ['--import', leash, join(root, 'bin/runfleet.js'), ...args], {
      cwd: root,
      env: { PATH: processEnvironment()['PATH'], ...env },
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    });
    this.child.stdout?.on('data', (text: Buffer) => (this.stdout += text.toString()));
    this.child.stderr?.on('data', (text: Buffer) => (this.stderr += text.toString()));
    this.exited = this.watch();
  }

  private async watch(): Promise<Exit> {
    // `close`, not `exit`: by then all of its output has been read.
    const [code, signal]: (number | NodeJS.Signals | null)[] = await once(this.child, 'close');
    this.exit = {
      code: typeof code === 'number' ? code : null,
      signal: typeof signal === 'string' ? signal : null,
    };
    return this.exit;
  }

  /** Ends with the test at the latest; its output is printed when the test fails. */
  static spawn(owner: Lifetime, args: readonly string[], env: Env): RunfleetProcess {
    const started = new RunfleetProcess(args, env);
    owner.onTestFailed(() => started.printWreckage());
    owner.onTestFinished(() => started.end());
    return started;
  }

  /** Spawned, and its "ready" line seen. */
  static async start(owner: Lifetime, args: readonly string[], env: Env): Promise<RunfleetProcess> {
    const started = RunfleetProcess.spawn(owner, args, env);
    await eventually(
      `the ready line of "${started.name}"`,
      () => ({ stdout: started.stdout, stderr: started.stderr, exit: started.exit }),
      ({ stdout, exit }) => exit !== null || /^runfleet \w+: ready$/m.test(stdout),
    );
    if (started.exit !== null) throw new Error(`"${started.name}" ended at once: ${started.stderr}`);
    return started;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get running(): boolean {
    return this.exit === null;
  }

  /** From its "API: …" line. */
  get apiUrl(): string {
    return this.found(/API: (http:\S+)/);
  }

  /** From its "Worker metrics: …" line, without the path. */
  get metricsUrl(): string {
    return this.found(/Worker metrics: (http:\S+)\/metrics/);
  }

  private found(pattern: RegExp): string {
    const [, text] = pattern.exec(this.stdout) ?? [];
    if (text === undefined) throw new Error(`"${this.name}" has not printed ${pattern.source}.`);
    return text;
  }

  write(text: string): void {
    this.child.stdin?.end(text);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async kill(): Promise<Exit> {
    this.signal('SIGKILL');
    return await this.exited;
  }

  private async end(): Promise<void> {
    if (this.running) await this.kill();
  }

  private printWreckage(): void {
    const exit = this.exit === null ? 'still running' : JSON.stringify(this.exit);
    process.stderr.write(
      `\n--- ${this.name} (pid ${this.pid}, ${exit})\nstdout: ${tail(this.stdout)}\nstderr: ${tail(this.stderr)}\n`,
    );
  }
}

const tail = (text: string): string => text.split('\n').slice(-60).join('\n');
