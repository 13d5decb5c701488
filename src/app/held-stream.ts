/** A stream that this process reads, and how far it has come. */

import type { ProviderStream, StreamEvent, StreamMark } from '../ports/run-stream.ts';

export interface HeldStream {
  readonly runId: string;
  readonly stream: ProviderStream;
  /** The last event that counts as read: a stream that breaks is opened again after it. */
  seq: number;
  /** Characters of the output that are in the ledger. */
  offset: number;
  /** Read, and not in the ledger yet. */
  unsaid: string;
  /** Read, and ends within a character: half a one cannot be kept. */
  half: string;
  /** A piece is on its way there. */
  saying: boolean;
  /** The last pieces are written by whoever leaves, and by nobody beside. */
  leaving: boolean;
  lastSeenAtMs: number;
  /** Nothing of it may be written any more. */
  lost: boolean;
  writing: Promise<void>;
}

export function heldStream(
  runId: string,
  stream: ProviderStream,
  { seq, offset }: StreamMark,
  nowMs: number,
): HeldStream {
  return {
    runId,
    stream,
    seq,
    offset,
    unsaid: '',
    half: '',
    saying: false,
    leaving: false,
    lastSeenAtMs: nowMs,
    lost: false,
    writing: Promise.resolve(),
  };
}

/** An event whose text ends within a character counts as read only once the rest has come. */
export function noteRead(held: HeldStream, event: StreamEvent): void {
  if (event.type === 'text') held.half += event.text;
  if (endsWithin(held.half) && event.type !== 'ended') return;
  held.unsaid += held.half;
  held.half = '';
  held.seq = event.seq;
}

/** A provider may cut its text between the two halves of a character beyond 16 bits, such as an emoji. */
function endsWithin(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff;
}
