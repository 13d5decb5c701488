import { describe } from 'vitest';
import { activationConformance } from './run-store-activations.ts';
import type { RunStoreFactory } from './run-store-harness.ts';
import { lanesConformance } from './run-store-lanes.ts';
import { listConformance } from './run-store-list.ts';
import { recordsConformance } from './run-store-records.ts';
import { signalsConformance } from './run-store-signals.ts';

export type { RunStoreFactory, RunStoreHarness } from './run-store-harness.ts';

/** What every `RunStore` must do; see `src/ports/run-store.ts`. */
export function runStoreConformance(name: string, factory: RunStoreFactory): void {
  describe(`RunStore: ${name}`, () => {
    describe('records', () => {
      recordsConformance(factory);
    });
    describe('list', () => {
      listConformance(factory);
    });
    describe('activations', () => {
      activationConformance(factory);
    });
    describe('lanes', () => {
      lanesConformance(factory);
    });
    describe('wakes and cancels', () => {
      signalsConformance(factory);
    });
  });
}
