import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ToolAnswers, ToolReturn } from '../../../src/ports/tool-calls.ts';

export interface ToolAnswersHarness {
  readonly answers: ToolAnswers;
  close(): Promise<void>;
}

const calls = ['a', 'b'].map((id) => ({ id: `call:${id}`, name: 'lookup', arguments: '{"q":1}' }));

const returned = (patch: Partial<ToolReturn> = {}): ToolReturn => ({
  runId: 'run-1',
  round: 1,
  toolCallId: 'call:a',
  answer: { output: 'forty-two' },
  startedAtMs: 1000,
  endedAtMs: 2000,
  ...patch,
});

/** What every `ToolAnswers` must do; see `src/ports/tool-calls.ts`. The factory's world has a run `run-1`. */
export function toolAnswersConformance(name: string, factory: () => Promise<ToolAnswersHarness>): void {
  describe(`ToolAnswers: ${name}`, () => {
    let harness: ToolAnswersHarness;
    let answers: ToolAnswers;
    beforeEach(async () => {
      harness = await factory();
      answers = harness.answers;
    });
    afterEach(() => harness.close());

    const ids = calls.map(({ id }) => id);

    it('keeps an answer, and tells what is still missing', async () => {
      await answers.open('run-1', 1, calls);
      await expect(answers.unanswered('run-1', 1)).resolves.toEqual(calls);
      await expect(answers.keep(returned())).resolves.toBe('kept');
      await expect(answers.unanswered('run-1', 1)).resolves.toEqual(calls.slice(1));
      const found = await answers.read('run-1', 1, ids);
      expect([...found]).toEqual([
        ['call:a', { answer: { output: 'forty-two' }, startedAtMs: 1000, endedAtMs: 2000 }],
      ]);
    });

    it('lets the first answer stand', async () => {
      await answers.open('run-1', 1, calls);
      await answers.keep(returned());
      const error = { code: 'tool_failed', message: 'No.' };
      await expect(answers.keep(returned({ answer: { error } }))).resolves.toBe('known');
      const found = await answers.read('run-1', 1, ids);
      expect(found.get('call:a')?.answer).toEqual({ output: 'forty-two' });
    });

    it('keeps one of two answers that come at once', async () => {
      await answers.open('run-1', 1, calls);
      const kept = await Promise.all([answers.keep(returned()), answers.keep(returned())]);
      expect(kept.toSorted()).toEqual(['kept', 'known']);
    });

    it('keeps an empty output, and an error', async () => {
      await answers.open('run-1', 1, calls);
      await answers.keep(returned({ answer: { output: '' }, startedAtMs: null }));
      const error = { code: 'timed_out', message: 'Too slow.' };
      await expect(answers.keep(returned({ toolCallId: 'call:b', answer: { error } }))).resolves.toBe(
        'complete',
      );
      const found = await answers.read('run-1', 1, ids);
      expect(found.get('call:a')).toMatchObject({ answer: { output: '' }, startedAtMs: null });
      expect(found.get('call:b')).toMatchObject({ answer: { error } });
      await expect(answers.unanswered('run-1', 1)).resolves.toEqual([]);
    });

    it('takes nothing that was not asked', async () => {
      await expect(answers.keep(returned())).resolves.toBe('not_asked');
      await answers.open('run-1', 1, calls);
      await expect(answers.keep(returned({ toolCallId: 'call:c' }))).resolves.toBe('not_asked');
      await expect(answers.keep(returned({ round: 2 }))).resolves.toBe('not_asked');
      await expect(answers.keep(returned({ runId: 'run-2' }))).resolves.toBe('not_asked');
    });

    it('takes answers to the latest round alone, and keeps those of earlier ones', async () => {
      await answers.open('run-1', 1, calls);
      await answers.keep(returned());
      await answers.open('run-1', 2, calls.slice(0, 1));
      await expect(answers.keep(returned({ toolCallId: 'call:b' }))).resolves.toBe('not_asked');
      await expect(answers.keep(returned({ round: 2, answer: { output: 'two' } }))).resolves.toBe('complete');
      const found = await answers.read('run-1', 1, ids);
      expect(found.get('call:a')?.answer).toEqual({ output: 'forty-two' });
    });

    it('opens a round once: what it knows stands', async () => {
      await answers.open('run-1', 1, calls);
      await answers.keep(returned());
      await answers.open('run-1', 1, calls);
      await expect(answers.unanswered('run-1', 1)).resolves.toEqual(calls.slice(1));
      await answers.open('run-1', 2, calls);
      // A worker that was overtaken comes late with a round that is over.
      await answers.open('run-1', 1, calls);
      await expect(answers.keep(returned({ round: 2 }))).resolves.toBe('kept');
    });

    it('knows nothing of a round that was never opened', async () => {
      await expect(answers.unanswered('run-1', 1)).resolves.toEqual([]);
      await expect(answers.read('run-1', 1, ids)).resolves.toEqual(new Map());
      await expect(answers.read('run-1', 1, [])).resolves.toEqual(new Map());
    });
  });
}
