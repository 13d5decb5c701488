/** What replies said of the quota, gathered until the next trip. */

import type { ObservedAnswer } from '../../ports/rate-gate.ts';
import type { Observation } from '../../domain/limiter/learning.ts';

export class Sightings {
  private latest: Observation | null = null;
  private told: Observation | null = null;

  /** True when it should be told soon: the fleet would otherwise run into the limit. */
  add({ httpStatus, headers }: ObservedAnswer, atUs: number): boolean {
    const hasRequests = headers.limitRequests !== null && headers.limitRequests > 0;
    const hasTokens = headers.limitTokens !== null && headers.limitTokens > 0;
    const isBare = httpStatus === 429 && !hasRequests && !hasTokens;
    if (!isBare && !hasRequests && !hasTokens) return false;
    const before = this.latest;
    this.latest = {
      atUs,
      limitRequests: headers.limitRequests ?? before?.limitRequests ?? -1,
      remainingRequests: hasRequests ? (headers.remainingRequests ?? -1) : (before?.remainingRequests ?? -1),
      limitTokens: headers.limitTokens ?? before?.limitTokens ?? -1,
      remainingTokens: hasTokens ? (headers.remainingTokens ?? -1) : (before?.remainingTokens ?? -1),
      throttles: (before?.throttles ?? 0) + (httpStatus === 429 && !isBare ? 1 : 0),
      bareThrottles: (before?.bareThrottles ?? 0) + (isBare ? 1 : 0),
    };
    return isBare || httpStatus === 429 || this.isNews(this.latest);
  }

  private isNews(seen: Observation): boolean {
    const { told } = this;
    if (told === null) return true;
    if (seen.limitRequests !== told.limitRequests || seen.limitTokens !== told.limitTokens) return true;
    const fell = told.remainingRequests - seen.remainingRequests;
    return seen.remainingRequests >= 0 && fell > 0.05 * seen.limitRequests;
  }

  take(): Observation | null {
    const { latest } = this;
    this.latest = null;
    if (latest !== null) this.told = latest;
    return latest;
  }

  /** The trip failed: keep it, unless something newer came. */
  restore(seen: Observation | null): void {
    if (seen !== null) this.latest ??= seen;
  }
}
