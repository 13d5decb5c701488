import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FaultDetails, isProviderFault } from '../../../src/domain/fault.ts';
import type { ProviderRef } from '../../../src/domain/snapshot.ts';
import type { RunProviderHarness, RunProviderTraits, Trouble } from './run-provider-harness.ts';

const noRun = { found: null };

interface FaultCase {
  readonly trouble: Trouble;
  readonly fault: Partial<FaultDetails>;
  /** A create starts a run all the same. */
  readonly starts?: true;
}

/** What each trouble is for us; see `src/domain/fault.ts`. */
const cases: readonly FaultCase[] = [
  { trouble: { type: 'api_error', status: 400 }, fault: { type: 'refused', httpStatus: 400 } },
  { trouble: { type: 'api_error', status: 401 }, fault: { type: 'unauthorized', httpStatus: 401 } },
  { trouble: { type: 'api_error', status: 403 }, fault: { type: 'unauthorized', httpStatus: 403 } },
  { trouble: { type: 'api_error', status: 404 }, fault: { type: 'not_found', httpStatus: 404 } },
  { trouble: { type: 'api_error', status: 422 }, fault: { type: 'refused', httpStatus: 422 } },
  {
    trouble: { type: 'api_error', status: 429, retryAfterMs: 7000 },
    fault: { type: 'throttled', httpStatus: 429, retryAfterMs: 7000 },
  },
  {
    // Longer than what the SDK itself would believe.
    trouble: { type: 'api_error', status: 429, retryAfterMs: 120_000 },
    fault: { type: 'throttled', httpStatus: 429, retryAfterMs: 120_000 },
  },
  {
    trouble: { type: 'api_error', status: 429 },
    fault: { type: 'throttled', httpStatus: 429, retryAfterMs: null },
  },
  { trouble: { type: 'api_error', status: 500 }, fault: { type: 'unavailable', httpStatus: 500 } },
  { trouble: { type: 'api_error', status: 503 }, fault: { type: 'unavailable', httpStatus: 503 } },
  { trouble: { type: 'html', status: 502 }, fault: { type: 'unclear', httpStatus: 502 } },
  { trouble: { type: 'reset' }, fault: { type: 'unclear', httpStatus: null } },
  { trouble: { type: 'lost_reply' }, fault: { type: 'unclear', httpStatus: null }, starts: true },
  { trouble: { type: 'garbage' }, fault: { type: 'unclear' }, starts: true },
];

export function providerFaultConformance(
  traits: RunProviderTraits,
  factory: () => Promise<RunProviderHarness>,
): void {
  let harness: RunProviderHarness;
  beforeEach(async () => {
    harness = await factory();
  });
  afterEach(() => harness.close());

  async function create(): Promise<ProviderRef> {
    return harness.provider.create(await harness.request({ stays: 'in_progress' }), 'run-1');
  }

  /** The fault of one call; anything but a fault, and anything but one call, is a failure. */
  async function faultOf(call: () => Promise<unknown>): Promise<FaultDetails> {
    const callsBefore = await harness.callsReceived();
    const error = await call().then(
      () => new Error('The call succeeded.'),
      (reason: unknown) => reason,
    );
    expect((await harness.callsReceived()) - callsBefore).toBe(1);
    if (!isProviderFault(error)) throw error;
    expect(error.details.code).toMatch(/./);
    expect(error.details.message).toMatch(/./);
    return error.details;
  }

  const named = cases.map((one) => [JSON.stringify(one.trouble), one] as const);

  describe.each(named)('%s', (_name, { trouble, fault, starts }) => {
    it('of a create', async () => {
      const request = await harness.request({ stays: 'in_progress' });
      await harness.trouble(trouble);
      await expect(faultOf(() => harness.provider.create(request, 'run-1'))).resolves.toMatchObject(fault);
      await expect(harness.startedFor('run-1')).resolves.toBe(starts === true ? 1 : 0);
    });

    it('of a look', async () => {
      const ref = await create();
      await harness.trouble(trouble);
      await expect(faultOf(() => harness.provider.retrieve(ref))).resolves.toMatchObject(fault);
      await expect(harness.provider.retrieve(ref)).resolves.toMatchObject({ phase: 'running' });
    });

    it('of a cancel', async () => {
      const ref = await create();
      await harness.trouble(trouble);
      await expect(faultOf(() => harness.provider.cancel(ref))).resolves.toMatchObject(fault);
    });

    if (traits.canFind) {
      it('of a search', async () => {
        const request = await harness.request({ stays: 'in_progress' });
        await harness.trouble(trouble);
        const answer = await harness.provider
          .find(request, 'run-1')
          .then((found) => ({ found }))
          .catch((error: unknown) => (isProviderFault(error) ? error.details : error));
        // No thread, no run on it: a 404 is the answer.
        expect(answer).toMatchObject(fault.type === 'not_found' ? noRun : fault);
      });
    }

    if (traits.separateOutput) {
      it('of the reading of an output', async () => {
        const ref = await create();
        await harness.trouble(trouble);
        await expect(faultOf(() => harness.provider.fetchOutput(ref))).resolves.toMatchObject(fault);
      });
    }
  });

  it('tells of a run that the provider does not know', async () => {
    const ref = await create();
    const unknown = { ...ref, providerRunId: `${ref.providerRunId}0` };
    const fault = { type: 'not_found', httpStatus: 404 };
    await expect(faultOf(() => harness.provider.retrieve(unknown))).resolves.toMatchObject(fault);
    await expect(faultOf(() => harness.provider.cancel(unknown))).resolves.toMatchObject(fault);
  });
}
