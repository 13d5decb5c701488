/**
 * A provider of streamed responses that costs little: thousands of connections, one timer. Each delta is the time at
 * which it was sent. Runs as a process of its own; see `ProviderProcess`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { ProviderCounts } from './provider-process.ts';

interface Held {
  readonly id: string;
  readonly metadata: unknown;
  response: ServerResponse;
  seq: number;
  text: string;
}

const tickMs = 50;
const [deltaMs = 1000, deltaCharacters = 0] = process.argv.slice(2).map(Number);

class Provider {
  private readonly held: Held[] = [];
  private readonly server: Server;
  private calls = 0;
  private deltas = 0;
  private ended = 0;
  private next = 0;
  /** Streams that are due to be told something, fractions carried over. */
  private due = 0;
  private ending = 0;

  constructor() {
    this.server = createServer((request, response) => void this.serve(request, response));
  }

  listen(): void {
    this.server.listen(0, '127.0.0.1', () => {
      const address = this.server.address();
      if (address !== null && typeof address === 'object') process.send?.({ port: address.port });
    });
    setInterval(() => this.tick(), tickMs);
  }

  counts(): ProviderCounts {
    return { calls: this.calls, open: this.held.length, deltas: this.deltas, ended: this.ended };
  }

  /** So many streams a second, until none is left. */
  end(perSecond: number): void {
    this.ending = (perSecond * tickMs) / 1000;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.calls += 1;
    if (request.method === 'GET') {
      this.again(request.url ?? '', response);
      return;
    }
    const body: { metadata?: unknown } = JSON.parse(await text(request));
    const id = `resp_${this.calls}`;
    const held: Held = { id, metadata: body.metadata ?? null, response, seq: 0, text: '' };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.on('error', () => {});
    tell(held, 'response.created', { response: responseOf(held, 'queued') });
    tell(held, 'response.in_progress', { response: responseOf(held, 'in_progress') });
    this.held.push(held);
  }

  /** A look, or the stream again. What it missed is not told again: that is not what is measured. */
  private again(url: string, response: ServerResponse): void {
    const held = this.held.find(({ id }) => url.includes(`/${id}?`) || url.endsWith(`/${id}`));
    if (held === undefined) response.writeHead(404).end();
    else if (!url.includes('stream=true')) response.end(JSON.stringify(responseOf(held, 'in_progress')));
    else {
      held.response.destroy();
      held.response = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    }
  }

  private tick(): void {
    for (let left = this.ending; left > 0; left -= 1) this.finish();
    this.due += (this.held.length * tickMs) / deltaMs;
    for (; this.due >= 1 && this.held.length > 0; this.due -= 1) {
      const held = this.held[this.next % this.held.length];
      this.next += 1;
      if (held !== undefined) this.tellDelta(held);
    }
  }

  private tellDelta(held: Held): void {
    const delta = `${Date.now()} `.padStart(deltaCharacters, ' ');
    held.text += delta;
    this.deltas += 1;
    tell(held, 'response.output_text.delta', { item_id: 'msg_1', output_index: 0, content_index: 0, delta });
  }

  private finish(): void {
    const held = this.held.shift();
    if (held === undefined) return;
    tell(held, 'response.completed', { response: responseOf(held, 'completed') });
    held.response.end();
    this.ended += 1;
  }
}

function tell(held: Held, type: string, rest: object): void {
  const data = JSON.stringify({ type, sequence_number: held.seq, ...rest });
  held.seq += 1;
  held.response.write(`event: ${type}\ndata: ${data}\n\n`);
}

function responseOf({ id, metadata, text: output }: Held, status: string): object {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const content = [{ type: 'output_text', text: output, annotations: [] }];
  return {
    id,
    object: 'response',
    status,
    metadata,
    created_at: nowSeconds,
    completed_at: status === 'completed' ? nowSeconds : null,
    output: status === 'completed' ? [{ id: 'msg_1', type: 'message', role: 'assistant', content }] : [],
  };
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

const provider = new Provider();
process.on('message', (message: { readonly end?: number }) => {
  if (message.end !== undefined) provider.end(message.end);
  process.send?.({ counts: provider.counts() });
});
process.on('disconnect', () => process.exit(0));
provider.listen();
