import type { StreamView } from '../../../src/domain/decision.ts';

/** A connection that is held for so long, unless the run ends before. `died`: with the process that held it. */
export interface Connection {
  readonly heldMs: number;
  readonly died: boolean;
}

/** How long the claim of a dead process stands. */
const claimMs = 10_000;

/** The stream of a run in model time: one connection after the other, the last one again and again. */
export class ModelStream {
  private readonly connections: readonly Connection[];
  private opened = 0;
  /** The last event of those before this connection. */
  toldTo = -1;
  private lastToldEvents = 0;
  private lastsUntilMs = -Infinity;
  /** Others think so. */
  private heldUntilMs = -Infinity;

  constructor(connections: readonly Connection[]) {
    this.connections = connections;
  }

  /** When the run is woken by it; null when nobody is left to do so. */
  open(nowMs: number, runEndsAtMs: number): number | null {
    const connection = this.connections[this.opened] ?? this.connections.at(-1);
    const { heldMs, died } = connection ?? { heldMs: 0, died: false };
    this.opened += 1;
    this.toldTo += this.lastToldEvents;
    this.lastToldEvents = heldMs > 0 ? 1 : 0;
    this.lastsUntilMs = nowMs + heldMs;
    const endAtMs = Math.max(nowMs, runEndsAtMs);
    const unheard = died && endAtMs > this.lastsUntilMs;
    this.heldUntilMs = unheard ? this.lastsUntilMs + claimMs : this.lastsUntilMs;
    return unheard ? null : Math.min(endAtMs, this.lastsUntilMs);
  }

  hasTold(runEndsAtMs: number, nowMs: number): boolean {
    return runEndsAtMs <= this.lastsUntilMs && runEndsAtMs <= nowMs;
  }

  view(nowMs: number): StreamView {
    return { held: nowMs < this.heldUntilMs, status: null, canResume: true };
  }
}
