/**
 * Runs that were created and have not been looked at yet, by class: as far as webhooks come, they go on.
 *
 * Of runs that were sent together the short ones end first, and only ends are told of. Whoever learnt from those alone
 * would take all runs for short ones, and look at the others for nothing. They are counted, not known by name: what
 * others have created and this process ends is made up for by what it has created and others end.
 */

import type { RunEvent } from '../decision.ts';
import type { CreatingState, FollowingState, RunState } from '../run.ts';
import type { SparseWeights } from './decayed-counts.ts';
import type { ClassChain, DurationModel } from './duration-model.ts';
import { lifeTableShares } from './life-table.ts';
import { type SurvivalCurve, survivalAt } from './survival.ts';

/** Of runs in flight: how many, and what they add to a life table. */
export interface Exposure {
  readonly runs: number;
  readonly shares: SparseWeights;
}

/** Starts that are no further apart share a slot; older slots are joined when a class has too many. */
const finestMs = 250;
const mostSlots = 128;
/** What is older was lost on its way out of here, or is of the noise of what others create and end. */
const forgottenAfterMs = 600_000;
/** What is in flight is counted anew when the oldest have aged by this share, or after so long. */
const showAgainShare = 0.05;
const showAgainMs = 2000;
/** Classes held at once; the one that was not added to for longest goes first. */
const mostClasses = 500;

interface Slot {
  readonly fromMs: number;
  /** Runs that were created from then on, less those of them that were looked at. */
  runs: number;
}

interface ClassInFlight {
  /** By time. */
  slots: Slot[];
  shownUntilMs: number;
  believed: boolean;
}

export class InFlight {
  private readonly classes = new Map<string, ClassInFlight>();

  /** What happened to a run whose state was `before`. */
  note(chain: ClassChain, before: RunState, event: RunEvent, nowMs: number): void {
    if (before.phase === 'creating' && isStart(before, event)) this.started(chain, nowMs);
    if (before.phase === 'following' && isFirstNews(before, event)) this.looked(chain, before.startedAtMs);
  }

  started(chain: ClassChain, atMs: number): void {
    for (const classKey of chain) this.add(classKey, atMs, 1);
  }

  /** For the first time: from now on its own observations tell of it. */
  looked(chain: ClassChain, startedAtMs: number): void {
    for (const classKey of chain) this.add(classKey, startedAtMs, -1);
  }

  /** Tells the model, now and then. `chance`: that an end is told of; 0 where silence says nothing. */
  show(model: DurationModel, chain: ClassChain, nowMs: number, chance: number): void {
    const believed = chance > 0;
    let going: ((ageMs: number) => number) | null = null;
    for (const classKey of chain) {
      const held = this.classes.get(classKey);
      if (held === undefined || (held.believed === believed && nowMs < held.shownUntilMs)) continue;
      const oldestMs = nowMs - (held.slots[0]?.fromMs ?? nowMs);
      held.believed = believed;
      held.shownUntilMs = nowMs + Math.min(showAgainMs, Math.max(finestMs, showAgainShare * oldestMs));
      // As of the next time: an end until then must not be older than all that goes on.
      if (believed) going ??= goingIfSilent(model.curveOfTold(chain), chance);
      model.expose(classKey, going === null ? null : this.exposure(classKey, held.shownUntilMs, going));
    }
  }

  /** `going`: the chance that a run of this age is, since nobody has told of it. */
  exposure(classKey: string, atMs: number, going: (ageMs: number) => number = () => 1): Exposure | null {
    const shares = new Map<number, number>();
    let sum = 0;
    let counted = 0;
    let runs = 0;
    for (const slot of this.classes.get(classKey)?.slots ?? []) {
      const untilMs = atMs - slot.fromMs;
      if (untilMs <= 0 || untilMs > forgottenAfterMs) continue;
      sum += slot.runs;
      // More may have been ended here than were created here: there are never less than none.
      const silent = Math.max(0, sum) - counted;
      if (silent === 0) continue;
      counted += silent;
      const more = silent * going(untilMs);
      runs += more;
      for (const [index, share] of lifeTableShares({ type: 'going', seenMs: 0, untilMs }, noMasses))
        shares.set(index, (shares.get(index) ?? 0) + more * share);
    }
    return runs === 0 ? null : { runs, shares: [...shares] };
  }

  private add(classKey: string, atMs: number, change: 1 | -1): void {
    const held = this.classes.get(classKey) ?? { slots: [], shownUntilMs: 0, believed: false };
    this.classes.delete(classKey);
    this.classes.set(classKey, held);
    slotOf(held.slots, atMs).runs += change;
    if (held.slots.length > mostSlots) held.slots = joined(held.slots, atMs);
    const [oldest] = this.classes.keys();
    if (this.classes.size > mostClasses && oldest !== undefined) this.classes.delete(oldest);
  }
}

/** By what ended runs alone say: those that are silent must not be taken for going since they are silent. */
function goingIfSilent(curve: SurvivalCurve, chance: number): (ageMs: number) => number {
  return (ageMs) => {
    const survival = survivalAt(curve, ageMs);
    return survival / (survival + (1 - survival) * (1 - chance) || 1);
  };
}

/** A run that goes on is spread nowhere. */
const noMasses = new Float64Array(0);

function slotOf(slots: Slot[], atMs: number): Slot {
  const last = slots.at(-1);
  if (last === undefined || atMs >= last.fromMs + finestMs) {
    const slot = { fromMs: atMs, runs: 0 };
    slots.push(slot);
    return slot;
  }
  return slots.findLast(({ fromMs }) => fromMs <= atMs) ?? slots[0] ?? last;
}

/** The older half of the slots, two by two; without those that are empty, or too old. */
function joined(slots: readonly Slot[], nowMs: number): Slot[] {
  const kept = slots.filter(({ fromMs, runs }) => runs !== 0 && nowMs - fromMs <= forgottenAfterMs);
  const half = Math.floor(kept.length / 4) * 2;
  const older = kept.slice(0, half).flatMap((slot, n) => {
    const next = kept[n + 1];
    return n % 2 === 0 && next !== undefined ? [{ fromMs: slot.fromMs, runs: slot.runs + next.runs }] : [];
  });
  return [...older, ...kept.slice(half)];
}

function isStart({ continues }: CreatingState, event: RunEvent): boolean {
  const isOwn = event.type === 'replied' && event.call === 'create' && continues === undefined;
  return isOwn && event.snapshot.phase === 'running' && event.snapshot.status !== 'requires_action';
}

/** A cancel, and the answers to its tools, begin its looks anew; there was news before. */
function isFirstNews({ looks, cancelSentAtMs, ageFromMs }: FollowingState, event: RunEvent): boolean {
  if (looks > 0 || cancelSentAtMs !== null || ageFromMs !== undefined) return false;
  return (
    event.type === 'streamed' ||
    (event.type === 'replied' && (event.call === 'retrieve' || event.call === 'cancel'))
  );
}
