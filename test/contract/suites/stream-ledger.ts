/** The reading of streams in common, and the output that comes of it: what every ledger promises. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OutputFeed, OutputPiece, StreamLedger } from '../../../src/ports/run-stream.ts';
import { over } from '../../support/fakes/builders.ts';
import { eventually } from '../../support/eventually.ts';

export interface StreamLedgerHarness {
  readonly ledger: StreamLedger;
  /** Of another process. */
  readonly feed: OutputFeed;
  /** The claim on this run has not been renewed in time. */
  expire(runId: string): Promise<void>;
  /** The feed's connection is lost, and comes back. */
  breakConnection(): Promise<void>;
  close(): Promise<void>;
}

const end = { snapshot: over('completed'), lastSeenAtMs: 7 };

export function streamLedgerConformance(name: string, open: () => Promise<StreamLedgerHarness>): void {
  describe(`StreamLedger: ${name}`, () => {
    let harness: StreamLedgerHarness;
    let ledger: StreamLedger;
    beforeEach(async () => {
      harness = await open();
      ledger = harness.ledger;
    });
    afterEach(() => harness.close());

    it('gives a stream to one reader at a time', async () => {
      await expect(ledger.claim('run-1', 'ann')).resolves.toEqual({ seq: -1, offset: 0 });
      await expect(ledger.claim('run-1', 'bob')).resolves.toBeNull();
      await expect(ledger.claim('run-1', 'ann')).resolves.toEqual({ seq: -1, offset: 0 });
      await expect(ledger.claim('run-2', 'bob')).resolves.not.toBeNull();
      await expect(ledger.view('run-1')).resolves.toEqual({ held: true, status: null, end: null });
      await ledger.release('run-1', 'bob', 9);
      await expect(ledger.claim('run-1', 'bob')).resolves.toBeNull();
      await ledger.setStatus('run-1', 'ann', 'in_progress');
      await ledger.release('run-1', 'ann', 3);
      await expect(ledger.view('run-1')).resolves.toEqual({ held: false, status: null, end: null });
      await expect(ledger.claim('run-1', 'bob')).resolves.toEqual({ seq: 3, offset: 0 });
    });

    it('goes on after the last event that was read, with or without text', async () => {
      await ledger.claim('run-1', 'ann');
      await ledger.append('run-1', 'ann', { end: 5, text: 'Hello' }, 4);
      await ledger.release('run-1', 'ann', 9);
      await expect(ledger.claim('run-1', 'bob')).resolves.toEqual({ seq: 9, offset: 5 });
      await ledger.append('run-1', 'bob', { end: 6, text: ',' }, 12);
      await harness.expire('run-1');
      await expect(ledger.claim('run-1', 'ann')).resolves.toEqual({ seq: 12, offset: 6 });
    });

    it('passes on what a dead reader left, from where it ends', async () => {
      await ledger.claim('run-1', 'ann');
      await expect(ledger.append('run-1', 'ann', { end: 5, text: 'Hello' }, 4)).resolves.toBe(true);
      await expect(ledger.append('run-1', 'ann', { end: 6, text: ',' }, 7)).resolves.toBe(true);
      await harness.expire('run-1');
      await expect(ledger.view('run-1')).resolves.toMatchObject({ held: false });
      await expect(ledger.claim('run-1', 'bob')).resolves.toEqual({ seq: 7, offset: 6 });
    });

    it('keeps a piece once that is written twice, as after a lost reply', async () => {
      await ledger.claim('run-1', 'ann');
      for (let time = 0; time < 2; time += 1)
        await expect(ledger.append('run-1', 'ann', { end: 5, text: 'Hello' }, 4)).resolves.toBe(true);
      await expect(ledger.append('run-1', 'ann', { end: 6, text: '!' }, 5)).resolves.toBe(true);
      const pieces = await harness.feed.read('run-1', 0);
      expect(pieces.map(({ text }) => text)).toEqual(['Hello', '!']);
    });

    it('refuses all that comes from a reader who has lost its claim', async () => {
      await ledger.claim('run-1', 'ann');
      await ledger.claim('run-2', 'ann');
      await expect(ledger.renew(['run-1', 'run-2'], 'ann')).resolves.toEqual([]);
      await harness.expire('run-1');
      await ledger.claim('run-1', 'bob');
      await expect(ledger.renew(['run-1', 'run-2'], 'ann')).resolves.toEqual(['run-1']);
      await expect(ledger.append('run-1', 'ann', { end: 5, text: 'Hello' }, 4)).resolves.toBe(false);
      await expect(ledger.setStatus('run-1', 'ann', 'in_progress')).resolves.toBe(false);
      await expect(ledger.finish('run-1', 'ann', end)).resolves.toBe(false);
      await expect(ledger.view('run-1')).resolves.toEqual({ held: true, status: null, end: null });
      await expect(harness.feed.read('run-1', 0)).resolves.toEqual([]);
    });

    it('lets a slow reader read on where nobody has taken its stream', async () => {
      await ledger.claim('run-1', 'ann');
      await harness.expire('run-1');
      await expect(ledger.append('run-1', 'ann', { end: 4, text: 'Well' }, 3)).resolves.toBe(true);
      await expect(ledger.view('run-1')).resolves.toMatchObject({ held: true });
      await expect(ledger.claim('run-1', 'bob')).resolves.toBeNull();
      await harness.expire('run-1');
      await expect(ledger.setStatus('run-1', 'ann', 'in_progress')).resolves.toBe(true);
      await expect(ledger.view('run-1')).resolves.toMatchObject({ held: true, status: 'in_progress' });
      await harness.expire('run-1');
      await expect(ledger.renew(['run-1'], 'ann')).resolves.toEqual([]);
      await expect(ledger.view('run-1')).resolves.toMatchObject({ held: true });
      await expect(ledger.append('run-1', 'ann', { end: 5, text: '!' }, 4)).resolves.toBe(true);
      await harness.expire('run-1');
      await expect(ledger.finish('run-1', 'ann', end)).resolves.toBe(true);
      await expect(ledger.view('run-1')).resolves.toEqual({ held: false, status: null, end });
    });

    it('keeps the status and the end, which frees the stream', async () => {
      await ledger.claim('run-1', 'ann');
      await expect(ledger.setStatus('run-1', 'ann', 'in_progress')).resolves.toBe(true);
      await expect(ledger.view('run-1')).resolves.toEqual({ held: true, status: 'in_progress', end: null });
      await expect(ledger.finish('run-1', 'ann', end)).resolves.toBe(true);
      await expect(ledger.view('run-1')).resolves.toEqual({ held: false, status: null, end });
    });

    it('begins anew with each response of a run, after the text of those before', async () => {
      await ledger.claim('run-1', 'ann');
      await expect(ledger.claimNext('run-1', 'bob')).resolves.toBeNull();
      await ledger.setStatus('run-1', 'ann', 'in_progress');
      await ledger.finish('run-1', 'ann', end);
      // The first has said nothing but its calls; nor has the second.
      for (const reader of ['ann', 'bob']) {
        await expect(ledger.claimNext('run-1', reader)).resolves.toEqual({ seq: -1, offset: 0 });
        await expect(ledger.view('run-1')).resolves.toMatchObject({ held: true, status: null });
        await ledger.release('run-1', reader, 7);
      }
      await expect(ledger.claim('run-1', 'bob')).resolves.toEqual({ seq: 7, offset: 0 });
      await ledger.append('run-1', 'bob', { end: 5, text: 'Hello' }, 9);
      await expect(ledger.claimNext('run-1', 'bob')).resolves.toEqual({ seq: -1, offset: 5 });
      await harness.expire('run-1');
      await expect(ledger.claim('run-1', 'ann')).resolves.toEqual({ seq: -1, offset: 5 });
      await expect(ledger.append('run-1', 'ann', { end: 6, text: '!' }, 0)).resolves.toBe(true);
      const pieces = await harness.feed.read('run-1', 0);
      expect(pieces.map(({ text }) => text).join('')).toBe('Hello!');
      await expect(harness.feed.read('run-1', 5)).resolves.toEqual([{ end: 6, text: '!' }]);
    });

    it('forgets all but the output, whoever reads', async () => {
      await ledger.claim('run-1', 'ann');
      await ledger.append('run-1', 'ann', { end: 5, text: 'Hello' }, 4);
      await ledger.finish('run-1', 'ann', end);
      await ledger.claim('run-1', 'ann');
      await ledger.forget('run-1');
      await expect(ledger.view('run-1')).resolves.toEqual({ held: false, status: null, end: null });
      await expect(ledger.renew(['run-1'], 'ann')).resolves.toEqual(['run-1']);
      await expect(harness.feed.read('run-1', 0)).resolves.toEqual([{ end: 5, text: 'Hello' }]);
    });

    it('forgets a run that it does not know', async () => {
      await expect(ledger.forget('nobody')).resolves.toBeUndefined();
      await expect(ledger.view('nobody')).resolves.toEqual({ held: false, status: null, end: null });
    });
  });

  describe(`OutputFeed: ${name}`, () => {
    let harness: StreamLedgerHarness;
    beforeEach(async () => {
      harness = await open();
      await harness.ledger.claim('run-1', 'ann');
    });
    afterEach(() => harness.close());

    const say = (endsAt: number, text: string): Promise<boolean> =>
      harness.ledger.append('run-1', 'ann', { end: endsAt, text }, endsAt);

    function listen(runId = 'run-1') {
      const heard: (OutputPiece | 'gap')[] = [];
      const close = harness.feed.subscribe(runId, {
        onPiece: (piece) => heard.push(piece),
        onGap: () => heard.push('gap'),
      });
      const confirmed = eventually(
        'the subscription to be confirmed',
        () => heard,
        ({ length }) => length > 0,
      );
      return { heard, close, confirmed };
    }

    it('reads what lies after a place, pieces whole', async () => {
      await say(2, 'ab');
      await say(5, 'c:d');
      await expect(harness.feed.read('run-1', 0)).resolves.toEqual([
        { end: 2, text: 'ab' },
        { end: 5, text: 'c:d' },
      ]);
      await expect(harness.feed.read('run-1', 2)).resolves.toEqual([{ end: 5, text: 'c:d' }]);
      await expect(harness.feed.read('run-1', 3)).resolves.toEqual([{ end: 5, text: 'c:d' }]);
      await expect(harness.feed.read('run-1', 5)).resolves.toEqual([]);
      await expect(harness.feed.read('nobody', 0)).resolves.toEqual([]);
    });

    it('tells each listener of its own run, and says when it may have missed something', async () => {
      const one = listen();
      const two = listen();
      const other = listen('run-2');
      await Promise.all([one.confirmed, two.confirmed, other.confirmed]);
      await say(3, ' 🌊');
      for (const { heard } of [one, two]) {
        await eventually(
          'the piece',
          () => heard.at(-1),
          (last) => last !== 'gap',
        );
        expect(heard.at(-1)).toEqual({ end: 3, text: ' 🌊' });
      }
      two.close();
      await say(5, 'ab');
      await eventually(
        'the second piece',
        () => one.heard.at(-1),
        (last) => last !== 'gap' && last?.end === 5,
      );
      expect(two.heard.at(-1)).toEqual({ end: 3, text: ' 🌊' });
      expect(other.heard.filter((heard) => heard !== 'gap')).toEqual([]);
      one.close();
      other.close();
    });

    it('says so when its connection was lost', async () => {
      const { heard, close, confirmed } = listen();
      await confirmed;
      await say(1, 'a');
      await eventually(
        'the piece',
        () => heard.at(-1),
        (last) => last !== 'gap',
      );
      await harness.breakConnection();
      const last = await eventually(
        'word of the gap',
        () => heard.at(-1),
        (one) => one === 'gap',
      );
      expect(last).toBe('gap');
      close();
    });
  });
}
