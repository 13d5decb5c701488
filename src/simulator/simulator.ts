import { faultsSchema, NO_FAULTS } from './faults.ts';
import type { Faults } from './faults.ts';
import { listen } from './http/server.ts';
import type { Ledger } from './ledger.ts';
import { DEFAULT_OPTIONS, mergeChecked, mergeOptions, SimulatorOptionsError } from './options.ts';
import type { SimulatorOptions } from './options.ts';
import { WebhookSender } from './webhooks/sender.ts';
import { World } from './world.ts';

/** What can be read and changed while it runs; the same is served under `/_sim/`. */
export interface SimulatorControls {
  /** What has happened since the start or the last reset. `runs` adds the list of every run. */
  ledger(options?: { runs?: boolean }): Ledger;
  /** The faults in force. Rules for "the next n calls" count down here. */
  faults(): Faults;
  /** Replaces the fields that are given. Throws {@link SimulatorOptionsError}. */
  setFaults(faults: Partial<Faults>): void;
  /**
   * Replaces the options that are given, for everything that happens from now on; runs that exist keep their
   * fate. A new `seed` takes effect with the next {@link reset}. Throws {@link SimulatorOptionsError}.
   */
  configure(options: Partial<SimulatorOptions>): void;
  /** Forgets all runs and counts. Options and faults stay. */
  reset(): void;
}

export interface Simulator extends SimulatorControls, AsyncDisposable {
  /** For the SDK's `baseURL`: `http://127.0.0.1:PORT/v1`. */
  readonly baseUrl: string;
  readonly port: number;
  /** Stops at once: open connections are cut. */
  close(): Promise<void>;
}

function controlsOf(world: World): SimulatorControls {
  return {
    ledger: (wanted) => world.ledger.read(world.allRuns(), world.now(), wanted?.runs === true),
    faults: () => world.faults,
    setFaults(faults) {
      world.faults = mergeChecked(faultsSchema, world.faults, faults);
    },
    configure({ faults, ...options }) {
      for (const fixed of ['host', 'port'] as const) {
        if (options[fixed] !== undefined && options[fixed] !== world.options[fixed]) {
          throw new SimulatorOptionsError(`${fixed} cannot be changed while the simulator is listening.`);
        }
      }
      const merged = mergeOptions(world.options, options);
      if (faults !== undefined) world.faults = mergeChecked(faultsSchema, world.faults, faults);
      world.options = merged;
    },
    reset: () => world.reset(),
  };
}

/** The wall clock, except that it never goes back: windows and plans rely on that. */
function steadyClock(): () => number {
  let latestMs = 0;
  return () => (latestMs = Math.max(latestMs, Date.now()));
}

/** Starts an OpenAI stand-in on a local port. Throws {@link SimulatorOptionsError} when an option is wrong. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { faults, ...rest } = options;
  const world = new World(
    mergeOptions(DEFAULT_OPTIONS, rest),
    mergeChecked(faultsSchema, NO_FAULTS, faults ?? {}),
    steadyClock(),
  );
  const webhooks = new WebhookSender(world);
  world.onPlanned = (run) => webhooks.planned(run);
  const controls = controlsOf(world);
  const server = await listen(world, controls);
  const host = world.options.host.includes(':') ? `[${world.options.host}]` : world.options.host;
  const close = async (): Promise<void> => {
    webhooks.close();
    await server.close();
  };
  return {
    ...controls,
    baseUrl: `http://${host}:${server.port}/v1`,
    port: server.port,
    close,
    [Symbol.asyncDispose]: close,
  };
}
