/** One step of a run: load, decide, act, write the state and the next time together, leave the slot. Never sleeps. */

import { ActivationLostError, StoreUnavailableError } from '../domain/errors.ts';
import type { Activation } from '../ports/run-store.ts';
import { occasionOf } from './occasion.ts';
import { type Advanced, Step, type StepDeps } from './step.ts';

export type { Advanced };
export type AdvanceDeps = StepDeps;

/** Throws `ActivationLostError` when another worker has taken over, and what the store throws. */
export async function advance(activation: Activation, deps: AdvanceDeps): Promise<Advanced> {
  const { spec } = activation;
  const { event, foundBy } = await occasionOf(activation);
  // Nobody may have told of an answer: who comes by itself looks everywhere.
  const step = new Step(activation, deps, foundBy, event.wokenBy !== 'tools');
  try {
    return await step.run(event);
  } catch (error) {
    if (error instanceof ActivationLostError || error instanceof StoreUnavailableError) throw error;
    // A bug must not lose the run nor loop: it ends visibly, with what we know of it.
    deps.telemetry.log('error', 'A step failed for a reason of our own', { runId: spec.id, error });
    return step.fail(error instanceof Error ? error.message : String(error));
  }
}
