/** Wakes one sleeper. A ring that comes while it is awake is kept for its next sleep; more rings are still one. */
export class Bell {
  private rung = false;
  private wake: (() => void) | null = null;

  readonly ring = (): void => {
    this.rung = true;
    this.wake?.();
  };

  /** Resolves at the first ring since the last one that was heard. */
  async heard(): Promise<void> {
    if (!this.rung) await new Promise<void>((resolve) => (this.wake = resolve));
    this.rung = false;
    this.wake = null;
  }

  /** What was rung for is about to be read. */
  hush(): void {
    this.rung = false;
  }
}
