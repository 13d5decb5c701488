import { existsSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { CommanderError } from 'commander';
import { isRunfleetApiError, isRunfleetClientError, RunfleetConnectionError } from '../client/index.ts';
import { processEnvironment } from '../config/index.ts';
import { Context } from './context.ts';
import type { CliDeps } from './context.ts';
import { connectRedisProbe } from './doctor/redis-probe.ts';
import { exitCodes, InterruptedError, OutputClosedError, UserError } from './io.ts';
import type { CliIo, StopSignal } from './io.ts';
import { Output, printable } from './output.ts';
import { isRecord } from './commands/run-options.ts';
import { startProcess } from './processes.ts';
import { buildProgram } from './program.ts';
import { redactorFor } from './redact.ts';

const realDeps: CliDeps = {
  startProcess,
  async startSimulator(options) {
    const { startSimulator } = await import('../simulator/index.ts');
    return startSimulator(options);
  },
  connectRedis: connectRedisProbe,
};

/** Runs one command line (without `node` and the script) and resolves with its exit code. Never rejects. */
export async function main(argv: readonly string[], io: CliIo, deps: CliDeps = realDeps): Promise<number> {
  const out = new Output(io, redactorFor(io.env, [optionValue(argv, '--api-key')]));
  const detach = out.attach();
  const context = new Context(io, deps, out);
  let exitCode: number = exitCodes.ok;
  const program = buildProgram(context, version(), (code) => (exitCode = code));
  try {
    if (argv.length === 0) {
      program.outputHelp({ error: true });
      return exitCodes.failed;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    return report(error, out, argv.includes('--debug'));
  } finally {
    context.dispose();
    out.endProgress();
    // What is still being written may yet fail; the next turn hears of it.
    setImmediate(detach);
  }
}

/** Says what is wrong, in one line, and what to do. */
function report(error: unknown, out: Output, debug: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.failed;
  if (error instanceof OutputClosedError || out.closed.aborted) return exitCodes.ok;
  if (error instanceof InterruptedError) return exitCodes[error.signal];
  const message = error instanceof Error ? error.message.trim() : String(error);
  const parts = [isList(error) ? message : message.replace(/\s*\n\s*/g, ' '), adviceFor(error)];
  out.message(`runfleet: ${printable(parts.filter((part) => part !== '').join(' '))}`);
  if (debug && error instanceof Error) out.message(stackOf(error));
  return exitCodes.failed;
}

function adviceFor(error: unknown): string {
  if (error instanceof RunfleetConnectionError) {
    return 'Start it with `npm start` or `runfleet all`, or give its address by --url or RUNFLEET_URL.';
  }
  if (isRunfleetApiError(error, 401)) return 'Set RUNFLEET_API_KEY, or pass --api-key.';
  if (isRunfleetApiError(error) && error.status >= 500 && error.requestId !== null) {
    return `The server's log has more under request id ${error.requestId}.`;
  }
  const known = error instanceof UserError || isRunfleetClientError(error) || isList(error);
  return known ? '' : 'This should not happen; --debug shows where it came from.';
}

/** Errors that name several things at once, one a line. They say themselves what to do. */
function isList(error: unknown): boolean {
  return error instanceof Error && ['ConfigError', 'StartError'].includes(error.name);
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}

/** For redaction only, and therefore before anything is parsed. */
function optionValue(argv: readonly string[], flag: string): string | undefined {
  const joined = argv.find((arg) => arg.startsWith(`${flag}=`));
  if (joined !== undefined) return joined.slice(flag.length + 1);
  const at = argv.indexOf(flag);
  return at === -1 ? undefined : argv[at + 1];
}

/** From the package's own `package.json`, two folders up in a checkout, three in `dist`. */
function version(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    const url = new URL(path, import.meta.url);
    if (!existsSync(url)) continue;
    const about: unknown = JSON.parse(readFileSync(url, 'utf8'));
    if (isRecord(about) && typeof about['version'] === 'string') return about['version'];
  }
  return 'unknown';
}

/** The command line of this process. Leaves the exit to the event loop, so that all output gets out. */
export async function runFromProcess(): Promise<void> {
  process.exitCode = await main(process.argv.slice(2), {
    env: processEnvironment(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    isTTY: { stdin: process.stdin.isTTY, stdout: process.stdout.isTTY, stderr: process.stderr.isTTY },
    columns: process.stdout.columns ?? process.stderr.columns ?? 100,
    nowMs: Date.now,
    onStopSignal,
  });
}

function onStopSignal(listener: (signal: StopSignal) => void): () => void {
  let heard = false;
  const onSignal = (signal: StopSignal): void => {
    // Who asks twice means it.
    if (heard) process.exit(exitCodes[signal]);
    heard = true;
    listener(signal);
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}
