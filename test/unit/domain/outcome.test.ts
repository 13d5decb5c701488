import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ambiguousOutcome,
  cancelledOutcome,
  estimateEndMs,
  internalOutcome,
  lostOutcome,
  providerOutcome,
  rejectedOutcome,
} from '../../../src/domain/outcome.ts';
import type { Ending } from '../../../src/domain/run.ts';
import type { ProviderEnding } from '../../../src/domain/status.ts';
import { aFault, anEnding, aSpec, t0 } from '../../support/fakes/builders.ts';

describe('estimateEndMs', () => {
  it.each([
    ['without a stamp, the middle between miss and hit', 1000, 3000, null, 2000],
    ['a stamp inside: the middle of its second', 1000, 9000, 4000, 4500],
    ['a stamp whose second begins before the miss', 4300, 9000, 4000, 4650],
    ['a stamp whose second ends after the hit', 1000, 4400, 4000, 4200],
    ['miss and hit within the second of the stamp', 4200, 4600, 4000, 4400],
    ['a stamp long before the miss (its clock is slow)', 8000, 9000, 2000, 8000],
    ['a stamp after the hit (its clock is fast)', 8000, 9000, 20_000, 9000],
    ['miss and hit at once', 5000, 5000, 5000, 5000],
    ['a half is rounded', 1000, 1001, null, 1001],
  ])('%s', (_name, missMs, hitMs, stampMs, expected) => {
    expect(estimateEndMs(missMs, hitMs, stampMs)).toBe(expected);
  });

  const ms = fc.integer({ min: 0, max: 10_000_000 });
  const stamp = fc.option(fc.integer({ min: 0, max: 10_000 }).map((s) => s * 1000));

  it('lies between the miss and the hit, whatever the stamp says', () => {
    fc.assert(
      fc.property(ms, fc.nat({ max: 100_000 }), stamp, (missMs, gapMs, stampMs) => {
        const estimate = estimateEndMs(missMs, missMs + gapMs, stampMs);
        expect(estimate).toBeGreaterThanOrEqual(missMs);
        expect(estimate).toBeLessThanOrEqual(missMs + gapMs);
      }),
    );
  });

  it('is at most half a second off when the clocks agree', () => {
    fc.assert(
      fc.property(ms, fc.nat({ max: 100_000 }), fc.nat({ max: 100_000 }), (trueMs, beforeMs, afterMs) => {
        const stampMs = Math.floor(trueMs / 1000) * 1000;
        const estimate = estimateEndMs(trueMs - beforeMs, trueMs + afterMs, stampMs);
        expect(Math.abs(estimate - trueMs)).toBeLessThanOrEqual(500);
      }),
    );
  });

  it('is never after the hit, even when the miss is (clocks of two machines)', () => {
    fc.assert(
      fc.property(ms, ms, stamp, (missMs, hitMs, stampMs) => {
        expect(estimateEndMs(missMs, hitMs, stampMs)).toBeLessThanOrEqual(hitMs);
      }),
    );
  });
});

const outcomeOf = (ending: Ending, cancel: 'caller' | 'deadline' | null = null) =>
  providerOutcome(ending, null, t0 + 8000, cancel);

const because = (code: string): Ending['error'] => ({ code, message: 'Its words.' });

describe('providerOutcome', () => {
  const table: readonly [string, ProviderEnding, Ending['error'], unknown][] = [
    ['a completed run has no error', 'completed', null, null],
    [
      'a failed run tells why',
      'failed',
      because('invalid_prompt'),
      { code: 'invalid_prompt', message: 'Its words.', retryable: false },
    ],
    [
      'a failed run without a reason',
      'failed',
      null,
      { code: 'unknown_error', message: 'The provider gave no reason.', retryable: false },
    ],
    [
      'an incomplete run tells why',
      'incomplete',
      because('max_completion_tokens'),
      { code: 'max_completion_tokens', message: 'Its words.', retryable: false },
    ],
    [
      'an incomplete run without a reason',
      'incomplete',
      null,
      { code: 'incomplete', message: 'The answer is incomplete.', retryable: false },
    ],
    [
      'a run cancelled at the provider',
      'cancelled',
      null,
      { code: 'cancelled', message: 'The run was cancelled at the provider.', retryable: false },
    ],
    [
      'an expired run may be sent again',
      'expired',
      null,
      {
        code: 'expired',
        message: 'The run expired at the provider before it was done.',
        retryable: true,
      },
    ],
  ];

  it.each(table)('%s', (_name, status, error, expected) => {
    expect(outcomeOf(anEnding(status, { error }))).toMatchObject({ status, error: expected });
  });

  it.each(['server_error', 'rate_limit_exceeded', 'vector_store_timeout'])(
    'calls a failure by %s retryable',
    (code) => {
      expect(outcomeOf(anEnding('failed', { error: because(code) })).error).toMatchObject({
        retryable: true,
      });
    },
  );

  it('takes over output, usage and who found it, and tells the delay', () => {
    const usage = { inputTokens: 1, outputTokens: 2, totalTokens: 3 };
    const ending = anEnding('completed', { usage, endedAtMs: t0 + 9000, foundBy: 'webhook' });
    const output = { text: 'Hi.', items: [] };
    expect(providerOutcome(ending, output, t0 + 8000, null)).toEqual({
      status: 'completed',
      error: null,
      output,
      usage,
      completedAtMs: t0 + 9500,
      detectedAtMs: t0 + 10_000,
      detectionDelayMs: 500,
      foundBy: 'webhook',
    });
  });

  it('calls a run that our deadline cancelled timed out', () => {
    const timedOut = outcomeOf(anEnding('cancelled'), 'deadline');
    expect(timedOut).toMatchObject({ status: 'timed_out', error: { code: 'deadline_exceeded' } });
    expect(timedOut.error?.message).toContain('deadline_seconds');
  });

  it('calls a run that its caller cancelled cancelled', () => {
    expect(outcomeOf(anEnding('cancelled'), 'caller')).toMatchObject({
      status: 'cancelled',
      error: { code: 'cancelled', retryable: false },
    });
  });

  it.each(['completed', 'failed', 'incomplete', 'expired'] as const)(
    'leaves %s what it is, also when a cancel was under way',
    (status) => {
      expect(outcomeOf(anEnding(status), 'deadline').status).toBe(status);
      expect(outcomeOf(anEnding(status), 'caller').status).toBe(status);
    },
  );

  it('never tells a negative delay', () => {
    const ending = anEnding('completed', { endedAtMs: t0 + 60_000 });
    expect(providerOutcome(ending, null, t0 + 20_000, null).detectionDelayMs).toBeGreaterThanOrEqual(0);
  });
});

describe('outcomes of our own', () => {
  const own = { output: null, usage: null, completedAtMs: null, detectedAtMs: t0, detectionDelayMs: null };

  it('rejected: in the words of the provider', () => {
    const fault = aFault('unauthorized', { code: 'invalid_api_key', message: 'Wrong key.' });
    expect(rejectedOutcome(fault, t0)).toEqual({
      ...own,
      foundBy: null,
      status: 'rejected',
      error: { code: 'invalid_api_key', message: 'Wrong key.', retryable: false },
    });
  });

  it('lost: may be sent again', () => {
    expect(lostOutcome(aFault('not_found'), t0)).toMatchObject({
      ...own,
      status: 'lost',
      error: { code: 'some_not_found', retryable: true },
    });
  });

  it('an ambiguous create: names the id to look for and the way to allow a second one', () => {
    const outcome = ambiguousOutcome(aSpec({ id: 'run-7' }), t0);
    expect(outcome).toMatchObject({ ...own, status: 'failed', error: { code: 'ambiguous_create' } });
    expect(outcome.error?.message).toContain('runfleet_id=run-7');
    expect(outcome.error?.message).toContain('on_ambiguous');
  });

  it('an internal error: visible, and may be sent again', () => {
    expect(internalOutcome('Oops.', t0)).toMatchObject({
      ...own,
      status: 'failed',
      error: { code: 'internal_error', message: 'Oops.', retryable: true },
    });
  });

  it.each([
    ['caller', null, 'cancelled', 'cancelled'],
    ['caller', 'It may still run.', 'cancelled', 'cancelled'],
    ['deadline', null, 'timed_out', 'deadline_exceeded'],
    ['deadline', 'It may still run.', 'timed_out', 'deadline_exceeded'],
  ] as const)('cancelled for the %s, note %j', (reason, note, status, code) => {
    const outcome = cancelledOutcome(reason, t0, note);
    expect(outcome).toMatchObject({ ...own, status, error: { code } });
    expect(outcome.error?.message.endsWith(note ?? '.')).toBe(true);
  });
});
