import { describe } from 'vitest';
import { providerFaultConformance } from './run-provider-faults.ts';
import type { RunProviderHarness, RunProviderTraits } from './run-provider-harness.ts';
import { providerRunConformance } from './run-provider-runs.ts';

export type { Fate, RunProviderHarness, RunProviderTraits, Trouble } from './run-provider-harness.ts';

/** What every `RunProvider` must do; see `src/ports/run-provider.ts`. */
export function runProviderConformance(
  name: string,
  traits: RunProviderTraits,
  factory: () => Promise<RunProviderHarness>,
): void {
  describe(`RunProvider: ${name}`, () => {
    describe('runs', () => {
      providerRunConformance(traits, factory);
    });
    describe('faults', () => {
      providerFaultConformance(traits, factory);
    });
  });
}
