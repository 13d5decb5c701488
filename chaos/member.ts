/** A place in the fleet, and the processes that fill it one after the other, as an orchestrator would see to it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type Env, type Lifetime, RunfleetProcess } from '../test/support/runfleet-process.ts';

export type Role = 'api' | 'runs' | 'tools' | 'callbacks';

/** One process, from its start to its end. */
export interface Life {
  readonly member: string;
  readonly role: Role;
  readonly pid: number;
  readonly fromMs: number;
  toMs: number | null;
  /** Who ended it; `itself`: nobody of us. */
  end: 'kill' | 'term' | 'itself' | null;
  code: number | null;
  signal: string | null;
  /** From SIGTERM to its exit. */
  stopMs: number | null;
  /** While it stood still: a frozen process has not died, but nobody can tell. */
  readonly frozen: { readonly fromMs: number; readonly toMs: number }[];
  readonly process: RunfleetProcess;
}

const restartAfterMs = 500;

export class Member {
  readonly name: string;
  readonly role: Role;
  readonly lives: Life[] = [];
  private readonly owner: Lifetime;
  private readonly env: Env;
  private closed = false;
  private struck = false;

  constructor(owner: Lifetime, role: Role, name: string, env: Env) {
    this.owner = owner;
    this.role = role;
    this.name = name;
    this.env = env;
  }

  start(): void {
    const process = RunfleetProcess.spawn(this.owner, [this.role], this.env);
    const life: Life = {
      member: this.name,
      role: this.role,
      process,
      pid: process.pid,
      fromMs: Date.now(),
      toMs: null,
      end: null,
      code: null,
      signal: null,
      stopMs: null,
      frozen: [],
    };
    this.lives.push(life);
    void this.watch(life);
  }

  /** The process that is there now. */
  get current(): Life | null {
    const last = this.lives.at(-1);
    return last?.toMs === null ? last : null;
  }

  get ready(): boolean {
    return this.current !== null && /: ready$/m.test(this.current.process.stdout);
  }

  private async watch(life: Life): Promise<void> {
    const { code, signal } = await life.process.exited;
    life.toMs = Date.now();
    life.code = code;
    life.signal = signal;
    life.end ??= 'itself';
    if (life.end !== 'itself' || this.closed) return;
    await sleep(restartAfterMs);
    if (!this.closed) this.start();
  }

  get isStruck(): boolean {
    return this.struck;
  }

  async kill(downMs: number): Promise<void> {
    await this.strike(async (life) => {
      life.end = 'kill';
      await life.process.kill();
      await sleep(downMs);
      this.start();
    });
  }

  /** A rolling restart: the new one is there before the old one is gone, where both can be. */
  async roll(): Promise<void> {
    await this.strike(async (life) => {
      const stopped = this.term(life);
      if (this.role === 'api') await stopped;
      this.start();
      await stopped;
    });
  }

  async freeze(ms: number): Promise<void> {
    await this.strike(async ({ process, frozen }) => {
      const fromMs = Date.now();
      process.signal('SIGSTOP');
      await sleep(ms);
      process.signal('SIGCONT');
      frozen.push({ fromMs, toMs: Date.now() });
    });
  }

  private async strike(act: (life: Life) => Promise<void>): Promise<void> {
    const life = this.current;
    if (life === null) return;
    this.struck = true;
    await act(life);
    this.struck = false;
  }

  /** For good. */
  async stop(): Promise<void> {
    this.closed = true;
    if (this.current !== null) await this.term(this.current);
  }

  private async term(life: Life): Promise<void> {
    const atMs = Date.now();
    life.end = 'term';
    life.process.signal('SIGTERM');
    const late = sleep(longestStopMs, 'late' as const);
    if ((await Promise.race([life.process.exited, late])) === 'late') await life.process.kill();
    life.stopMs = Date.now() - atMs;
  }
}

/** One that has not gone by then is killed, and found guilty. */
const longestStopMs = 40_000;
