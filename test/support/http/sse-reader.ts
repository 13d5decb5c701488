import { eventsOf, type ServerSentEvent } from '../../../src/client/sse.ts';

export interface ReadEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** One connection to a stream of events, read one at a time. */
export class SseReader {
  readonly response: Response;
  private readonly events: AsyncGenerator<ServerSentEvent, void, undefined> | null;

  private constructor(response: Response) {
    this.response = response;
    this.events = response.body === null ? null : eventsOf(response.body, () => {});
  }

  static async open(
    url: string,
    lastEventId?: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<SseReader> {
    const resume = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    return new SseReader(await fetch(url, { headers: { ...headers, ...resume } }));
  }

  /** Null when the stream has ended. */
  async next(): Promise<ReadEvent | null> {
    const next = await this.events?.next();
    if (next === undefined || next.done === true) return null;
    return { ...next.value, data: JSON.parse(next.value.data) };
  }

  async cancel(): Promise<void> {
    await this.events?.return();
  }
}
