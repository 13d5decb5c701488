import type { RunEvent, StreamView } from '../domain/decision.ts';
import type { RunState } from '../domain/run.ts';
import type { ProviderSnapshot } from '../domain/snapshot.ts';
import type { ProviderRequest, RunProvider, ToolSubmission } from '../ports/run-provider.ts';
import type { Activation } from '../ports/run-store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { refOf } from './run-calls.ts';
import type { StreamingProvider } from '../ports/run-stream.ts';
import type { StreamHolder } from './stream-holder.ts';

export interface StepStreamDeps {
  /** Absent: no run of this process is streamed. */
  readonly streams?: StreamHolder;
  readonly telemetry: Telemetry;
}

/** The stream of one run, as one step deals with it. */
export class StepStream {
  private readonly activation: Activation;
  private readonly deps: StepStreamDeps;
  /** Undefined for a run without one. */
  view: StreamView | undefined;

  constructor(activation: Activation, deps: StepStreamDeps) {
    this.activation = activation;
    this.deps = deps;
  }

  /** Asks how its stream stands. The event of its end, where that has been read: it goes before whatever else woke us. */
  async look(): Promise<RunEvent | null> {
    const { streams } = this.deps;
    const { spec, state } = this.activation;
    if (streams === undefined || state.phase !== 'following' || state.stream === undefined) return null;
    const { held, status, end } = await streams.ledger.view(spec.id);
    // Our own claim may have run out while this process was slow; it goes on reading until it hears that it lost it.
    this.view = { held: held || streams.reads(spec.id), status, canResume: streams.hasRoom() };
    // A run that has gone on as another one at its provider is not over with the first.
    if (end === null || end.snapshot.providerRunId !== state.providerRunId) return null;
    return { type: 'streamed', ...end };
  }

  /** Starts the run, as a stream where that was asked for and can be had. */
  async create(provider: RunProvider, request: ProviderRequest): Promise<ProviderSnapshot> {
    const { id } = this.activation.spec;
    const can = this.streamer(provider);
    if (can === null) return await provider.create(request, id);
    const { snapshot, held } = await can.streams.create(id, 'first', () => can.streaming.create(request, id));
    if (held === null) this.deps.telemetry.streamed('refused');
    else this.view = { held, status: null, canResume: true };
    return snapshot;
  }

  /** Answers the calls of a round. What goes on as another response is a stream again, where that can be had. */
  async submit(provider: RunProvider, answers: ToolSubmission): Promise<ProviderSnapshot> {
    const { id } = this.activation.spec;
    // That of the response that asked; it says nothing of what goes on.
    this.view = undefined;
    const can = this.streamer(provider);
    if (can === null) return await provider.submit(answers);
    const { snapshot, held, offset } = await can.streams.create(id, 'next', () =>
      can.streaming.submit(answers),
    );
    if (held) this.view = { held, status: null, canResume: true, offset };
    return snapshot;
  }

  /** Null where a run is started without a stream. */
  private streamer({
    streaming,
  }: RunProvider): { readonly streams: StreamHolder; readonly streaming: StreamingProvider } | null {
    const { streams, telemetry } = this.deps;
    if (this.activation.spec.follow !== 'stream' || streaming === undefined || streams === undefined)
      return null;
    if (streams.hasRoom()) return { streams, streaming };
    telemetry.streamed('refused');
    return null;
  }

  /** Opens the stream again after what is known of it. */
  async resume(provider: RunProvider, state: RunState): Promise<RunEvent> {
    const { streams } = this.deps;
    const { streaming } = provider;
    if (streams === undefined || streaming === undefined)
      throw new Error('Nobody can read this stream here.');
    const ref = refOf(state);
    const { id } = this.activation.spec;
    const opened = await streams.resume(id, ({ seq }) => streaming.resume(ref, seq));
    if (opened === null) return { type: 'resumed', seq: null };
    this.deps.telemetry.streamed('resumed');
    this.view = { held: opened.held, status: null, canResume: true };
    return { type: 'resumed', seq: opened.seq };
  }

  /**
   * The run has ended: whoever still reads its stream may stop. Also where it has been looked at for long: something of
   * its stream may be kept. Throws what the ledger throws; to be done again then.
   */
  async end(): Promise<void> {
    const { streams } = this.deps;
    const { id, follow } = this.activation.spec;
    if (streams === undefined || follow !== 'stream') return;
    streams.drop(id);
    await streams.ledger.forget(id);
  }
}
