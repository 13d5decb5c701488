import { RunfleetClient, RunfleetUsageError } from '../client/index.ts';
import { InterruptedError, UserError } from './io.ts';
import type { CliIo } from './io.ts';
import type { ProcessRole } from './processes.ts';
import type { Output } from './output.ts';
import type { RedisProbe } from './doctor/redis-probe.ts';
import type { Simulator, SimulatorOptions } from '../simulator/index.ts';
import type { Timing } from '../client/index.ts';

/** The heavy parts, loaded when a command needs them, and replaced by tests. */
export interface CliDeps {
  startProcess(role: ProcessRole, env: CliIo['env']): Promise<void>;
  startSimulator(options: SimulatorOptions): Promise<Simulator>;
  connectRedis(url: string): Promise<RedisProbe>;
  /** For asking the provider. Default: the global one. */
  readonly fetch?: typeof globalThis.fetch;
  /** Default: the client's own. */
  readonly clientTiming?: Timing;
}

/** Options of the whole program. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly debug?: boolean;
}

/** Options of the commands that talk to a fleet. */
export interface FleetOptions extends GlobalOptions {
  readonly url?: string;
  readonly apiKey?: string;
}

export const defaultUrl = 'http://127.0.0.1:3000';

/** What a command is given. */
export class Context {
  readonly io: CliIo;
  readonly deps: CliDeps;
  readonly out: Output;
  #interrupt: AbortController | null = null;
  #stopped: AbortSignal | null = null;
  #release: (() => void) | null = null;

  constructor(io: CliIo, deps: CliDeps, out: Output) {
    this.io = io;
    this.deps = deps;
    this.out = out;
  }

  fleetUrl(options: FleetOptions): string {
    return options.url ?? nonEmpty(this.io.env['RUNFLEET_URL']) ?? defaultUrl;
  }

  client(options: FleetOptions, more: { readonly maxRetries?: number } = {}): RunfleetClient {
    try {
      return new RunfleetClient({
        baseUrl: this.fleetUrl(options),
        apiKey: options.apiKey ?? this.io.env['RUNFLEET_API_KEY'],
        maxRetries: more.maxRetries,
        timing: this.deps.clientTiming,
      });
    } catch (error) {
      if (!(error instanceof RunfleetUsageError)) throw error;
      throw new UserError(
        error.message
          .replace('baseUrl', 'The address (--url or RUNFLEET_URL)')
          .replace(/^apiKey/, 'The API key (--api-key or RUNFLEET_API_KEY)')
          .replace('as apiKey', 'by --api-key or RUNFLEET_API_KEY'),
      );
    }
  }

  /** Aborts at SIGINT or SIGTERM. Only commands that ask for it catch signals. */
  interrupted(): AbortSignal {
    if (this.#interrupt === null) {
      const controller = new AbortController();
      this.#interrupt = controller;
      this.#release = this.io.onStopSignal((signal) => controller.abort(new InterruptedError(signal)));
    }
    return this.#interrupt.signal;
  }

  /** Aborts when there is no point in going on: interrupted, or nobody reads the output any more. */
  stopped(): AbortSignal {
    this.#stopped ??= AbortSignal.any([this.interrupted(), this.out.closed]);
    return this.#stopped;
  }

  dispose(): void {
    this.#release?.();
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text.trim();
}
