import type { ServerResponse } from 'node:http';

import type { Fault } from '../faults.ts';
import type { StreamFeed } from '../world.ts';

/** A cancel changes what is still to come: nobody waits longer for that than this. */
const LONGEST_WAIT_MS = 250;

interface StreamSending {
  readonly response: ServerResponse;
  readonly headers: Readonly<Record<string, string>>;
  readonly fault: Fault | null;
  readonly now: () => number;
  readonly later: (delayMs: number, run: () => void) => void;
}

/** Do the events go out, or is it another fault that decides about the whole answer? */
export function lets(fault: Fault | null): boolean {
  return fault === null || fault.type === 'slow' || isStreamFault(fault);
}

/** Faults that strike streams alone; other answers do not know them. */
function isStreamFault(fault: Fault): fault is Extract<Fault, { type: 'stream_break' | 'stream_stall' }> {
  return fault.type === 'stream_break' || fault.type === 'stream_stall';
}

/** Sends the events as their times come. Resolves when the stream has ended, or its reader has gone. */
export async function sendStream(sending: StreamSending, feed: StreamFeed): Promise<void> {
  const { response, headers, fault, now, later } = sending;
  const waitUntil = async (atMs: number): Promise<void> => {
    while (!response.destroyed) {
      // Read once: time goes on between a comparison and a subtraction.
      const nowMs = now();
      if (nowMs >= atMs || nowMs >= feed.cutAtMs()) return;
      const delayMs = Math.min(atMs - nowMs, LONGEST_WAIT_MS);
      await new Promise<void>((resolve) => later(delayMs, resolve));
    }
  };
  if (fault?.type === 'slow') await new Promise<void>((resolve) => later(fault.delayMs, resolve));
  response.writeHead(200, { ...headers, 'content-type': 'text/event-stream; charset=utf-8' });
  response.flushHeaders();
  let sent = 0;
  for (const { atMs, event } of feed.events) {
    await waitUntil(atMs);
    if (response.destroyed) return;
    if (event === null || (now() >= feed.cutAtMs() && atMs > feed.cutAtMs())) break;
    const text = `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
    if (fault?.type === 'stream_stall' && sent >= fault.afterEvents) return;
    if (fault?.type === 'stream_break' && sent >= fault.afterEvents) {
      const half = fault.midEvent === true ? text.slice(0, Math.ceil(text.length / 2)) : '';
      response.write(half, () => response.destroy());
      return;
    }
    response.write(text);
    sent += 1;
  }
  response.end();
}
