import type { IncomingMessage } from 'node:http';

/** Background responses, as far as the fleet's benchmark needs them: made, looked at, ended. */
export class BenchResponses {
  ended = 0;
  private readonly runMs: readonly [least: number, most: number];
  private readonly endsAtMs = new Map<string, number>();

  /** How long a run takes at the provider: anything between the two. */
  constructor(runMs: readonly [least: number, most: number]) {
    this.runMs = runMs;
  }

  answer(request: IncomingMessage): unknown {
    const nowMs = Date.now();
    if (request.method === 'POST') {
      const [least, most] = this.runMs;
      const id = `resp_${this.endsAtMs.size}`;
      this.endsAtMs.set(id, nowMs + least + (most - least) * Math.random());
      return responseOf(id, 'queued', null);
    }
    const id = (request.url ?? '').split('/').at(-1)?.split('?')[0] ?? '';
    const endsAtMs = this.endsAtMs.get(id) ?? 0;
    if (endsAtMs > nowMs) return responseOf(id, 'in_progress', null);
    this.ended++;
    return responseOf(id, 'completed', Math.floor(endsAtMs / 1000));
  }
}

function responseOf(id: string, status: string, completedAt: number | null): unknown {
  const created_at = Math.floor(Date.now() / 1000);
  return { id, object: 'response', status, created_at, completed_at: completedAt, output: [] };
}
