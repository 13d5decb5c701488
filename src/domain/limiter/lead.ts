/**
 * How long before its slot a parked call is woken. Delayed jobs fire late, by the queue's tick and the load; what is
 * woken too late misses its slot. Mean and deviation as TCP estimates its round trips (RFC 6298).
 */

export interface Lead {
  readonly meanMs: number;
  readonly deviationMs: number;
}

export const firstLead: Lead = { meanMs: 50, deviationMs: 25 };

const leastMs = 20;
const mostMs = 2000;

/** Later than this, it was an outage or a full worker, which waking earlier would not have helped. */
const outageMs = 3000;

/** A call that was due to come back has come so late. */
export function cameBack(lead: Lead, lateMs: number): Lead {
  if (lateMs > outageMs) return lead;
  const late = Math.min(Math.max(0, lateMs), mostMs);
  return {
    meanMs: lead.meanMs + (late - lead.meanMs) / 8,
    deviationMs: lead.deviationMs + (Math.abs(late - lead.meanMs) - lead.deviationMs) / 4,
  };
}

export function leadMs(lead: Lead): number {
  return Math.min(mostMs, Math.max(leastMs, lead.meanMs + 4 * lead.deviationMs));
}
