/**
 * What a call that must wait takes along, in its run's state: its place, and the slot that was reserved for it. Any
 * process can redeem it. It needs no trip and cannot be used twice: outside its time it is void.
 */

export interface Ticket {
  /** When the call first asked, on Redis's clock: its waiting time is counted from here. */
  readonly sinceUs: number;
  /** Null: it was only told when to come back. */
  readonly slotUs: number | null;
  /** When it was told to come back; 0: it has no place and asks afresh. */
  readonly dueUs: number;
  readonly epoch: string;
  /** Whose quota the slot is of: a class may have one of its own. */
  readonly classIndex: number;
}

export function writeTicket({ sinceUs, slotUs, dueUs, epoch, classIndex }: Ticket): string {
  const slot = slotUs === null ? '-' : time(slotUs);
  return `1.${classIndex}.${time(sinceUs)}.${slot}.${time(dueUs)}.${epoch}`;
}

function time(us: number): string {
  return Math.round(us).toString(36);
}

/** Null for anything that is not ours: the call then asks afresh. */
export function readTicket(text: string | null): Ticket | null {
  const match = /^1\.([0-4])\.([0-9a-z]{1,11})\.(-|[0-9a-z]{1,11})\.([0-9a-z]{1,11})\.(\w{0,64})$/.exec(
    text ?? '',
  );
  const [, classDigit, since, slot, due, epoch] = match ?? [];
  if (since === undefined || slot === undefined || due === undefined || epoch === undefined) return null;
  return {
    sinceUs: Number.parseInt(since, 36),
    slotUs: slot === '-' ? null : Number.parseInt(slot, 36),
    dueUs: Number.parseInt(due, 36),
    epoch,
    classIndex: Number(classDigit),
  };
}

/** Whether a slot may be used now: never early, and late by no more than our part of the jitter. */
export function slotPhase(slotUs: number, nowUs: number, latenessUs: number): 'early' | 'open' | 'stale' {
  if (nowUs < slotUs) return 'early';
  return nowUs <= slotUs + latenessUs ? 'open' : 'stale';
}
