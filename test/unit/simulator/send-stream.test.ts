import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { sendStream } from '../../../src/simulator/http/stream.ts';

const event = (atMs: number) => ({ atMs, event: { type: 'tick', sequence_number: atMs } });

it('waits for each event, and never for less than no time, though the clock runs on at every look', async () => {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const delaysMs: number[] = [];
  let nowMs = 0;
  const later = (delayMs: number, run: () => void): void => {
    delaysMs.push(delayMs);
    nowMs += delayMs;
    run();
  };
  const now = (): number => (nowMs += 0.4);
  const feed = { events: [1, 2, 3, 600].map(event), cutAtMs: () => Infinity };
  await sendStream({ response, headers: {}, fault: null, now, later }, feed);
  expect(nowMs).toBeGreaterThan(600);
  expect(response.writableEnded).toBe(true);
  expect(delaysMs.filter((delayMs) => delayMs <= 0 || delayMs > 250)).toEqual([]);
});
