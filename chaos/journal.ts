/** What was broken, and when. */

export interface Deed {
  readonly what: string;
  /** The process, `redis`, or `wire`. */
  readonly target: string;
  readonly atMs: number;
  /** It was whole again; null: not yet. */
  untilMs: number | null;
}

export class Journal {
  readonly deeds: Deed[] = [];

  /** Resolves when what was broken is whole again. */
  async keep(what: string, target: string, act: () => Promise<void>): Promise<void> {
    const deed: Deed = { what, target, atMs: Date.now(), untilMs: null };
    this.deeds.push(deed);
    await act();
    deed.untilMs = Date.now();
  }
}

export function during(deeds: readonly Deed[], fromMs: number, toMs: number): Deed[] {
  return deeds.filter(({ atMs, untilMs }) => atMs <= toMs && (untilMs ?? Infinity) >= fromMs);
}
