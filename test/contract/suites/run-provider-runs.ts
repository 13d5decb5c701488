import { afterEach, beforeEach, expect, it } from 'vitest';
import { isProviderFault } from '../../../src/domain/fault.ts';
import type { EndedSnapshot, ProviderRef } from '../../../src/domain/snapshot.ts';
import type { ProviderRequest } from '../../../src/ports/run-provider.ts';
import { eventually } from '../../support/fakes/eventually.ts';
import type { Fate, RunProviderHarness, RunProviderTraits } from './run-provider-harness.ts';

export function providerRunConformance(
  traits: RunProviderTraits,
  factory: () => Promise<RunProviderHarness>,
): void {
  let harness: RunProviderHarness;
  beforeEach(async () => {
    harness = await factory();
  });
  afterEach(() => harness.close());

  async function create(fate: Fate, runId = 'run-1'): Promise<ProviderRef> {
    const { providerRunId, threadId } = await harness.provider.create(await harness.request(fate), runId);
    return { providerRunId, threadId };
  }

  function endOf(ref: ProviderRef): Promise<EndedSnapshot> {
    return eventually(async () => {
      const snapshot = await harness.provider.retrieve(ref);
      if (snapshot.phase !== 'ended') throw new Error(`The run still reads ${snapshot.rawStatus}.`);
      return snapshot;
    });
  }

  it('starts one run with one call, and leaves the request as it is', async () => {
    const request = deepFreeze(await harness.request({ stays: 'in_progress' }));
    const callsBefore = await harness.callsReceived();
    const snapshot = await harness.provider.create(request, 'run-1');
    expect(snapshot).toMatchObject({ phase: 'running', providerRunId: expect.stringMatching(/./) });
    expect((await harness.callsReceived()) - callsBefore).toBe(1);
    await expect(harness.startedFor('run-1')).resolves.toBe(1);
    await expect(harness.startedFor('run-2')).resolves.toBe(0);
  });

  it('makes each look and each cancel one call', async () => {
    const ref = await create({ stays: 'in_progress' });
    const callsBefore = await harness.callsReceived();
    await harness.provider.retrieve(ref);
    expect((await harness.callsReceived()) - callsBefore).toBe(1);
    await harness.provider.cancel(ref);
    expect((await harness.callsReceived()) - callsBefore).toBe(2);
  });

  it.each(traits.stays)('tells of a run that is %s', async (status) => {
    const ref = await create({ stays: status });
    await eventually(async () =>
      expect(await harness.provider.retrieve(ref)).toMatchObject({
        ...ref,
        phase: 'running',
        status,
        rawStatus: status,
      }),
    );
  });

  if (traits.stays.includes('requires_action')) {
    it('hands out the tool calls of a run that waits for them', async () => {
      const ref = await create({ stays: 'requires_action' });
      await eventually(async () => {
        const snapshot = await harness.provider.retrieve(ref);
        const toolCalls = snapshot.phase === 'running' ? snapshot.toolCalls : [];
        expect(toolCalls).not.toHaveLength(0);
        expect(toolCalls[0]).toEqual({
          id: expect.any(String),
          name: expect.any(String),
          arguments: expect.any(String),
        });
      });
    });
  }

  it('counts a status that nobody knows as running, and tells the word', async () => {
    const ref = await create({ stays: 'pondering' });
    await eventually(async () =>
      expect(await harness.provider.retrieve(ref)).toMatchObject({
        phase: 'running',
        status: 'unknown',
        rawStatus: 'pondering',
      }),
    );
  });

  it.each(traits.endings)('tells of a run that ended %s', async (status) => {
    const snapshot = await endOf(await create({ endsAs: status }));
    expect(snapshot.status).toBe(status);
    expect((snapshot.endedAtMs ?? 0) % 1000).toBe(0);
  });

  const reasoned = traits.endings.filter((status) => status === 'failed' || status === 'incomplete');
  it.each(reasoned)('tells why a run ended %s', async (status) => {
    const snapshot = await endOf(await create({ endsAs: status }));
    expect(snapshot.error?.code).toMatch(/./);
    expect(snapshot.error?.message).toMatch(/./);
  });

  it('finds no fault with a completed run', async () => {
    await expect(endOf(await create({ endsAs: 'completed' }))).resolves.toMatchObject({ error: null });
  });

  it('gives the answer of a completed run', async () => {
    const ref = await create({ endsAs: 'completed' });
    const { output } = await endOf(ref);
    expect(output === 'separate').toBe(traits.separateOutput);
    const callsBefore = await harness.callsReceived();
    const answer = output === 'separate' ? await harness.provider.fetchOutput(ref) : output;
    expect((await harness.callsReceived()) - callsBefore).toBe(traits.separateOutput ? 1 : 0);
    expect(answer?.text).toMatch(/./);
    expect(answer?.items).not.toHaveLength(0);
  });

  it('cancels a run', async () => {
    const ref = await create({ stays: 'in_progress' });
    await harness.provider.cancel(ref);
    await expect(endOf(ref)).resolves.toMatchObject({ status: 'cancelled' });
  });

  it('answers a cancel that comes too late with the end of the run, or refuses it', async () => {
    const ref = await create({ endsAs: 'completed' });
    await endOf(ref);
    const answer = await harness.provider.cancel(ref).then(
      (snapshot) => `${snapshot.phase} ${snapshot.status}`,
      (error: unknown) => {
        if (isProviderFault(error)) return error.details.type;
        throw error;
      },
    );
    expect(['ended completed', 'refused', 'conflict']).toContain(answer);
    await expect(harness.provider.retrieve(ref)).resolves.toMatchObject({ status: 'completed' });
  });

  it('says whether it can find a run of this request', async () => {
    expect(harness.provider.canFind(await harness.request({ stays: 'in_progress' }))).toBe(traits.canFind);
  });

  if (traits.canFind) {
    it('finds the run that carries an id, running or over, and no other', async () => {
      const { provider } = harness;
      const request = await harness.request({ endsAs: 'completed' });
      await expect(provider.find(request, 'run-1')).resolves.toBeNull();
      const created = await provider.create(request, 'run-1');
      await endOf(created);
      await expect(provider.find(request, 'run-1')).resolves.toMatchObject({
        phase: 'ended',
        providerRunId: created.providerRunId,
        threadId: created.threadId,
      });
      await expect(provider.find(request, 'run-2')).resolves.toBeNull();
    });

    it('finds a run whose create was answered by nobody', async () => {
      const request = await harness.request({ stays: 'in_progress' });
      await harness.trouble({ type: 'lost_reply' });
      await expect(harness.provider.create(request, 'run-1')).rejects.toMatchObject({
        name: 'ProviderFault',
      });
      const callsBefore = await harness.callsReceived();
      const found = await harness.provider.find(request, 'run-1');
      expect((await harness.callsReceived()) - callsBefore).toBe(1);
      expect(found).toMatchObject({ phase: 'running' });
      await expect(harness.startedFor('run-1')).resolves.toBe(1);
    });
  }

  it('says whether it can show several runs in one call', () => {
    expect(harness.provider.groupLooks !== undefined).toBe(traits.groupLooks);
  });

  if (traits.groupLooks) {
    it('shows several runs of a group in one call, as single looks do, and no others', async () => {
      const { provider } = harness;
      const first = await harness.request({ endsAs: 'completed' });
      const sameGroup = {
        ...(await harness.request({ stays: 'in_progress' })),
        thread_id: first['thread_id'],
      };
      const refs: ProviderRef[] = [];
      for (const [runId, request] of Object.entries({ 'run-1': first, 'run-2': first, 'run-3': sameGroup })) {
        const ref = await provider.create(request, runId);
        refs.push(ref);
        if (request === first) await endOf(ref);
      }
      expect(new Set(refs.map((ref) => provider.groupLooks?.groupOf(ref))).size).toBe(1);
      const asked = refs.slice(1);
      const callsBefore = await harness.callsReceived();
      const seen = await provider.groupLooks?.retrieveMany(asked);
      expect((await harness.callsReceived()) - callsBefore).toBe(1);
      const single = await Promise.all(asked.map((ref) => provider.retrieve(ref)));
      expect([...(seen?.values() ?? [])]).toHaveLength(asked.length);
      for (const snapshot of single) expect(seen?.get(snapshot.providerRunId)).toEqual(snapshot);
    });

    it('leaves out a run that it does not show', async () => {
      const ref = await create({ stays: 'in_progress' });
      const unknown = { ...ref, providerRunId: 'run_unheard_of' };
      const seen = await harness.provider.groupLooks?.retrieveMany([ref, unknown]);
      expect([...(seen?.keys() ?? [])]).toEqual([ref.providerRunId]);
    });
  }

  it('has nothing to say against a valid request', async () => {
    expect(harness.provider.validate(await harness.request({ stays: 'in_progress' }))).toEqual([]);
  });

  it.each(traits.invalid)('points at $path of a request that would certainly fail', ({ request, path }) => {
    const problems = harness.provider.validate(request);
    expect(problems).toContainEqual({ path, message: expect.stringMatching(/./) });
  });

  it('names the same lane for the same request', async () => {
    const request = await harness.request({ stays: 'in_progress' });
    expect(harness.provider.laneOf(request)).toBe(harness.provider.laneOf(structuredClone(request)));
  });
}

function deepFreeze(request: ProviderRequest): ProviderRequest {
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
    Object.freeze(value);
    for (const inner of Object.values(value)) visit(inner);
  };
  visit(request);
  return request;
}
