import type { LateReply } from './late-replies.ts';

/** Longer than a Redis may take to write to its disk, or to its replicas. */
const keepMs = 15_000;

/** The creates of this process's last seconds, and what is known of each: what Redis may forget. */
export class SentCreates {
  private readonly entries = new Map<string, { readonly atMs: number; readonly reply: LateReply }>();
  /** While Redis is in trouble nothing is forgotten here, however long that takes. */
  held = false;

  note(runId: string, reply: LateReply, nowMs: number): void {
    this.entries.delete(runId);
    this.entries.set(runId, { atMs: nowMs, reply });
    if (this.held) return;
    for (const [id, { atMs }] of this.entries) {
      if (nowMs - atMs < keepMs) return;
      this.entries.delete(id);
    }
  }

  /** The provider has refused it: it may be sent again. */
  drop(runId: string): void {
    this.entries.delete(runId);
  }

  runIds(): string[] {
    return [...this.entries.keys()];
  }

  /** Null for one that was dropped meanwhile. */
  latest(runId: string): LateReply | null {
    return this.entries.get(runId)?.reply ?? null;
  }
}
