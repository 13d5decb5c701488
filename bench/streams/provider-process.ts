import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface ProviderCounts {
  readonly calls: number;
  readonly open: number;
  readonly deltas: number;
  readonly ended: number;
}

interface Message {
  readonly port: number;
  readonly counts: ProviderCounts;
}

/** The provider of the benchmark, in a process of its own: its work must not be taken for the worker's. */
export class ProviderProcess implements Disposable {
  readonly baseUrl: string;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.child = child;
    this.baseUrl = `http://127.0.0.1:${port}/v1`;
  }

  /** `deltaMs`: from delta to delta of one stream. */
  static async start(deltaMs: number, deltaCharacters: number): Promise<ProviderProcess> {
    const child = fork(fileURLToPath(new URL('provider.ts', import.meta.url)), [
      String(deltaMs),
      String(deltaCharacters),
    ]);
    const port = await told(child, 'port');
    return new ProviderProcess(child, port);
  }

  /** `end`: begin to end the streams, so many a second. */
  async counts(order: { readonly end?: number } = {}): Promise<ProviderCounts> {
    this.child.send(order);
    return await told(this.child, 'counts');
  }

  [Symbol.dispose](): void {
    this.child.kill('SIGKILL');
  }
}

/** The next message of the process. */
function told<Name extends keyof Message>(child: ChildProcess, name: Name): Promise<Message[Name]> {
  return new Promise((resolve) => child.once('message', (message: Message) => resolve(message[name])));
}
