/** The news of a run, over as many connections as it takes. */

import { RunfleetApiError, RunfleetConnectionError, RunfleetUnexpectedAnswerError } from './errors.ts';
import { isObject, isRun } from './parse.ts';
import { reasonOf, retryableStatuses, retryDelayMs } from './retry.ts';
import { eventsOf, type ServerSentEvent } from './sse.ts';
import type { Transport } from './transport.ts';
import { type EndedRun, hasEnded, type RunView } from './types.ts';

export type RunEvent =
  /** The run, whenever its status has changed. */
  | { readonly type: 'status'; readonly id: string; readonly run: RunView }
  /** What was added to the output; of runs with `follow: "stream"` alone. */
  | { readonly type: 'output'; readonly id: string; readonly text: string }
  /** The run has ended. The last event. */
  | { readonly type: 'done'; readonly id: string; readonly run: EndedRun };

export interface EventsOptions {
  /** The `id` of the last event of an earlier iteration: what came before it is not told again. */
  readonly lastEventId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The server sends a sign of life every 15 s. */
const longestSilenceMs = 45_000;
/** A server that is gone for this long is not restarting. */
const longestOutageMs = 5 * 60_000;
const mostFirstAttempts = 4;

/** Throws a `RunfleetClientError`, or the reason of an aborted signal. */
export async function* runEvents(
  transport: Transport,
  path: string,
  options: EventsOptions,
): AsyncGenerator<RunEvent, void, undefined> {
  const { timing } = transport;
  let lastEventId = options.lastEventId ?? '';
  let connectedAtMs: number | null = null;
  for (let failures = 0; ;) {
    try {
      for await (const event of connect(transport, path, lastEventId, options.signal)) {
        if (event === 'connected') {
          connectedAtMs = timing.nowMs();
          continue;
        }
        failures = 0;
        connectedAtMs = timing.nowMs();
        lastEventId = event.id;
        yield event;
        if (event.type === 'done') return;
      }
      // 204: all was told before.
      return;
    } catch (error) {
      if (options.signal?.aborted === true) throw reasonOf(options.signal);
      failures += 1;
      const tooLong =
        connectedAtMs === null
          ? failures > mostFirstAttempts
          : timing.nowMs() - connectedAtMs > longestOutageMs;
      if (tooLong || !isPassing(error)) throw error;
      const retryAfterMs = error instanceof RunfleetApiError ? error.retryAfterMs : null;
      const delayMs = retryDelayMs(failures, retryAfterMs, timing.random());
      if (delayMs === null) throw error;
      await timing.sleep(delayMs, options.signal);
    }
  }
}

/** One connection. Ends quietly only when the server says that there is no more; throws when it breaks. */
async function* connect(
  transport: Transport,
  path: string,
  lastEventId: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<RunEvent | 'connected', void, undefined> {
  const silence = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onSign = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), longestSilenceMs);
  };
  try {
    const response = await transport.open({
      path,
      headers: {
        accept: 'text/event-stream',
        ...(lastEventId === '' ? {} : { 'last-event-id': lastEventId }),
      },
      signal: signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]),
    });
    if (response.status === 204) return;
    const type = response.headers.get('content-type') ?? '';
    if (response.body === null || !type.startsWith('text/event-stream')) throw transport.unexpected();
    yield 'connected';
    onSign();
    try {
      for await (const event of eventsOf(response.body, onSign)) {
        const news = newsOf(event, transport);
        if (news !== null) yield news;
      }
    } catch (error) {
      if (error instanceof RunfleetUnexpectedAnswerError) throw error;
      throw transport.connectionError(error, silence.signal.aborted ? longestSilenceMs : null);
    }
    throw transport.connectionError(new Error('The server closed the stream.'), null);
  } finally {
    clearTimeout(timer);
  }
}

/** Null for a type of a newer server. */
function newsOf({ id, type, data }: ServerSentEvent, transport: Transport): RunEvent | null {
  if (type !== 'status' && type !== 'output' && type !== 'done') return null;
  let news: unknown;
  try {
    news = JSON.parse(data);
  } catch {
    throw transport.unexpected();
  }
  if (type === 'output') {
    if (isObject(news) && typeof news['text'] === 'string') return { type, id, text: news['text'] };
    throw transport.unexpected();
  }
  if (!isRun(news)) throw transport.unexpected();
  if (type === 'status') return { type, id, run: news };
  if (!hasEnded(news)) throw transport.unexpected();
  return { type, id, run: news };
}

function isPassing(error: unknown): boolean {
  if (error instanceof RunfleetConnectionError) return true;
  return error instanceof RunfleetApiError && retryableStatuses.has(error.status);
}
