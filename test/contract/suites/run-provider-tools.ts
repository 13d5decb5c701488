import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProviderSnapshot, ToolCall } from '../../../src/domain/snapshot.ts';
import type { ProviderRequest, RunProvider } from '../../../src/ports/run-provider.ts';

export interface ToolProviderHarness {
  readonly provider: RunProvider;
  /** A request whose run asks for two tools at once, this often, and then completes. Each leg takes no time. */
  request(rounds: number): Promise<ProviderRequest>;
  /** The next submit is carried out, and its reply lost. */
  loseReply(): Promise<void>;
  close(): Promise<void>;
}

const callsOf = (seen: ProviderSnapshot): readonly ToolCall[] => seen.toolCalls ?? [];

/** What every `RunProvider` must do of tools; see `src/ports/run-provider.ts`. */
export function toolProviderConformance(name: string, factory: () => Promise<ToolProviderHarness>): void {
  describe(`RunProvider's tools: ${name}`, () => {
    let harness: ToolProviderHarness;
    beforeEach(async () => {
      harness = await factory();
    });
    afterEach(() => harness.close());

    /** Looks until it asks or is over. */
    async function settled(first: ProviderSnapshot): Promise<ProviderSnapshot> {
      let seen = first;
      while (seen.phase === 'running' && seen.toolCalls.length === 0)
        seen = await harness.provider.retrieve(seen);
      return seen;
    }

    async function submit(asking: ProviderSnapshot, request: ProviderRequest): Promise<ProviderSnapshot> {
      const outputs = callsOf(asking).map(({ id }) => ({ toolCallId: id, output: `of ${id}` }));
      return await harness.provider.submit({ ref: asking, outputs, request, runId: 'run-1' });
    }

    it('shows the calls that it waits for, round after round, and goes on with their outputs', async () => {
      const request = await harness.request(2);
      let seen = await settled(await harness.provider.create(request, 'run-1'));
      const ids: string[] = [];
      for (let round = 0; round < 2; round += 1) {
        expect(callsOf(seen)).toHaveLength(2);
        expect(callsOf(seen)[0]).toMatchObject({ name: 'add', arguments: expect.any(String) });
        ids.push(...callsOf(seen).map(({ id }) => id));
        seen = await settled(await submit(seen, request));
      }
      expect(new Set(ids).size).toBe(4);
      expect(seen).toMatchObject({ phase: 'ended', status: 'completed' });
      expect(callsOf(seen)).toEqual([]);
    });

    it('says by a fault that a reply was lost', async () => {
      const request = await harness.request(1);
      const asking = await settled(await harness.provider.create(request, 'run-1'));
      await harness.loseReply();
      await expect(submit(asking, request)).rejects.toMatchObject({ details: { type: 'unclear' } });
    });

    it('refuses outputs that are not all', async () => {
      const request = await harness.request(1);
      const asking = await settled(await harness.provider.create(request, 'run-1'));
      const outputs = callsOf(asking)
        .slice(0, 1)
        .map(({ id }) => ({ toolCallId: id, output: '' }));
      await expect(
        harness.provider.submit({ ref: asking, outputs, request, runId: 'run-1' }),
      ).rejects.toMatchObject({ details: { type: 'refused' } });
    });
  });
}
