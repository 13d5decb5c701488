import { ProviderFault } from '../../../src/domain/fault.ts';
import type { ProviderRef } from '../../../src/domain/snapshot.ts';
import type { RunProvider, ProviderRequest, ToolSubmission } from '../../../src/ports/run-provider.ts';
import type {
  ProviderStream,
  StartedStream,
  StreamEvent,
  StreamingProvider,
} from '../../../src/ports/run-stream.ts';
import { aFault } from './builders.ts';

/** A connection whose events the test sends. */
export class FakeConnection implements ProviderStream {
  closed = false;
  private readonly events: StreamEvent[] = [];
  private over: 'ended' | Error | null = null;
  private wake: () => void = () => {};

  send(...events: readonly StreamEvent[]): void {
    this.events.push(...events);
    this.wake();
  }

  end(): void {
    this.over = 'ended';
    this.wake();
  }

  break(error: Error = new ProviderFault(aFault('unclear'))): void {
    this.over = error;
    this.wake();
  }

  close(): void {
    this.closed = true;
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StreamEvent, void, undefined> {
    while (!this.closed) {
      const event = this.events.shift();
      if (event !== undefined) {
        yield event;
        continue;
      }
      if (this.over === 'ended') return;
      if (this.over !== null) throw this.over;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}

/** Streams of a fake provider, which makes the runs. */
export class FakeStreaming implements StreamingProvider {
  /** All that were opened, in order. */
  readonly connections: FakeConnection[] = [];
  /** After which event each resumption asked to go on. */
  readonly resumedAfter: number[] = [];
  resumeFault: Error | null = null;
  /** It answers creates without a stream. */
  isPlain = false;
  private readonly provider: Pick<RunProvider, 'create' | 'submit'>;

  constructor(provider: Pick<RunProvider, 'create' | 'submit'>) {
    this.provider = provider;
  }

  get last(): FakeConnection {
    const last = this.connections.at(-1);
    if (last === undefined) throw new Error('No stream was opened.');
    return last;
  }

  async create(request: ProviderRequest, runId: string): Promise<StartedStream> {
    const snapshot = await this.provider.create(request, runId);
    return { snapshot, stream: this.isPlain ? null : this.open() };
  }

  async submit(answers: ToolSubmission): Promise<StartedStream> {
    return { snapshot: await this.provider.submit(answers), stream: this.open() };
  }

  async resume(_ref: ProviderRef, afterSeq: number): Promise<ProviderStream> {
    await Promise.resolve();
    this.resumedAfter.push(afterSeq);
    if (this.resumeFault !== null) throw this.resumeFault;
    return this.open();
  }

  private open(): FakeConnection {
    const connection = new FakeConnection();
    this.connections.push(connection);
    return connection;
  }
}
