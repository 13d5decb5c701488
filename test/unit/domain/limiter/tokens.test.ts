import { describe, expect, test } from 'vitest';

import type { AskKind } from '../../../../src/domain/limiter/booking.ts';
import type { AccountState } from '../../../../src/domain/limiter/state.ts';
import { emptyRequest, step, type StepRequest } from '../../../../src/domain/limiter/step.ts';
import { defaultSettings, termsOf } from '../../../../src/domain/limiter/terms.ts';
import { viewOf } from '../../../../src/domain/limiter/view.ts';

const startUs = 1_760_000_000_000_000;
const seconds = 1_000_000;
const tokensPerMinute = 6000;
const terms = termsOf({ ...defaultSettings, requests: 3000, tokens: tokensPerMinute });

interface Run {
  readonly id: string;
  readonly kind: AskKind;
}

/** Many runs at once that ask until they have their slot, and tell what they used some time after it. */
class Backlog {
  nowUs = startUs;
  asked = 0;
  readonly slots: number[] = [];
  private state: AccountState | null = null;
  private readonly events: { readonly atUs: number; readonly run: Run; readonly isOver: boolean }[] = [];
  private readonly estimate: number;
  private readonly used: number;

  constructor(runs: number, estimate: number, used: number) {
    this.estimate = estimate;
    this.used = used;
    this.step({});
    for (let i = 0; i < runs; i++) this.at(startUs + 10 * seconds, { id: `r${i}`, kind: 'fresh' });
  }

  view() {
    if (this.state === null) throw new Error('Nothing was asked yet.');
    return viewOf(this.state, terms, this.nowUs);
  }

  runUntil(untilUs: number): void {
    for (;;) {
      this.events.sort((a, b) => a.atUs - b.atUs);
      const [event] = this.events;
      if (event === undefined || event.atUs > untilUs) break;
      this.events.shift();
      this.nowUs = Math.max(this.nowUs, event.atUs);
      if (event.isOver) this.step({ settle: [{ id: event.run.id, tokens: this.used }] });
      else this.ask(event.run);
    }
    this.nowUs = untilUs;
  }

  private ask({ id, kind }: Run): void {
    this.asked++;
    const [answer] = this.step({ asks: [{ classIndex: 0, kind, tokens: this.estimate, id }] });
    if (answer === undefined) return;
    if (answer.type !== 'slot') return this.at(answer.atUs, { id, kind: 'returning' });
    this.slots.push(answer.atUs);
    this.at(answer.atUs + 3 * seconds, { id, kind: 'fresh' }, true);
  }

  private at(atUs: number, run: Run, isOver = false): void {
    this.events.push({ atUs, run, isOver });
  }

  private step(request: Partial<StepRequest>) {
    const done = step(this.state, terms, { ...emptyRequest, ...request }, this.nowUs, 'e');
    this.state = done.state;
    return done.reply.answers;
  }
}

describe('creates that wait for tokens', () => {
  test('have what others turned out not to use, and seldom come in vain', () => {
    const used = 200;
    const backlog = new Backlog(300, 500, used);
    // Two minutes to learn what they use.
    backlog.runUntil(startUs + 130 * seconds);
    const [before, asked] = [backlog.slots.length, backlog.asked];
    backlog.runUntil(startUs + 370 * seconds);
    const slots = backlog.slots.length - before;
    // What is reserved by those under way is not used.
    expect(slots * used).toBeGreaterThan(0.85 * 4 * tokensPerMinute);
    expect(slots * used).toBeLessThanOrEqual(4 * tokensPerMinute + tokensPerMinute);
    expect(backlog.asked - asked).toBeLessThan(6 * slots);
  });

  test('reserve more where requests do not say how much they will use', () => {
    const used = 200;
    const backlog = new Backlog(600, 5, used);
    backlog.runUntil(startUs + 130 * seconds);
    const before = backlog.slots.length;
    backlog.runUntil(startUs + 370 * seconds);
    const slots = backlog.slots.slice(before);
    const busiest = Math.max(
      ...slots.map((fromUs) => slots.filter((atUs) => atUs >= fromUs && atUs < fromUs + 60 * seconds).length),
    );
    expect(busiest * used).toBeLessThanOrEqual(tokensPerMinute);
    expect(slots.length * used).toBeGreaterThan(0.6 * 4 * tokensPerMinute);
  });

  test('are seen, and why they wait', () => {
    const backlog = new Backlog(30, 500, 500);
    backlog.runUntil(startUs + 11 * seconds);
    expect(backlog.slots).toHaveLength(12);
    const { waitingFor, classes } = backlog.view();
    expect(waitingFor).toBe('tokens');
    // An estimate.
    expect(classes.create.queued).toBeGreaterThanOrEqual(15);
    expect(classes.create.queued).toBeLessThanOrEqual(20);
  });

  test('come one after another, not all at once', () => {
    const backlog = new Backlog(1000, 500, 500);
    backlog.runUntil(startUs + 10 * seconds);
    const asked = backlog.asked;
    backlog.runUntil(startUs + 100 * seconds);
    expect(backlog.slots.length).toBeGreaterThan(12);
    expect(backlog.asked - asked).toBeLessThan(200);
  });
});
