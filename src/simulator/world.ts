import type { AssistantRecord, RunRecord, ThreadRecord } from './assistants/records.ts';
import type { Faults } from './faults.ts';
import { LedgerBook } from './ledger.ts';
import type { Tracked } from './ledger.ts';
import type { Operation } from './operations.ts';
import type { ResolvedOptions } from './options.ts';
import type { Params } from './params.ts';
import { endedAtMs } from './plan.ts';
import type { Plan } from './plan.ts';
import { seededRandom } from './random.ts';
import type { Random } from './random.ts';
import { RateLimiter } from './rate-limit.ts';
import type { ResponseRecord } from './responses/record.ts';

/** One call as the handlers see it. */
export interface Call {
  readonly operation: Operation;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** `{}` when the request has no body. */
  readonly body: Params;
  readonly nowMs: number;
}

/** What a handler answers. */
export type Reply = ReadyReply | LateReply;

interface ReadyReply {
  readonly body: object;
  /** Sent instead of the body. */
  readonly stream?: StreamFeed;
  /** The run is not at its end, so a hint when to look again may go along. */
  readonly unfinished?: boolean;
}

/** An answer that is given, and made, only when its time has come: how a synchronous create waits. */
interface LateReply {
  /** `Infinity` is never. */
  readonly readyAtMs: number;
  readonly render: (nowMs: number) => object;
}

export interface StreamFeed {
  readonly events: Iterable<TimedEvent>;
  /** When it breaks off, as it stands now; `Infinity` while it does not. */
  readonly cutAtMs: () => number;
}

export interface TimedEvent {
  readonly atMs: number;
  /** Null: the stream ends then, without a word. */
  readonly event: { readonly type: string; readonly sequence_number: number } | null;
}

/** Every run has its own stream of randomness, so its fate depends on its number and the seed alone. */
interface Streams {
  readonly ids: Random;
  readonly faults: Random;
  readonly latency: Random;
  readonly cancels: Random;
  readonly runs: Random;
  readonly webhooks: Random;
}

function streams(seed: number): Streams {
  const root = seededRandom(seed);
  return {
    ids: root.fork('ids'),
    faults: root.fork('faults'),
    latency: root.fork('latency'),
    cancels: root.fork('cancels'),
    runs: root.fork('runs'),
    webhooks: root.fork('webhooks'),
  };
}

/** All that the simulator knows. It knows nothing of HTTP, and gets its time from outside. */
export class World {
  readonly now: () => number;
  options: ResolvedOptions;
  faults: Faults;
  random: Streams;
  ledger: LedgerBook;
  limiter = new RateLimiter();
  readonly responses = new Map<string, ResponseRecord>();
  /** The latest response of each conversation. */
  readonly conversations = new Map<string, ResponseRecord>();
  readonly assistants = new Map<string, AssistantRecord>();
  readonly threads = new Map<string, ThreadRecord>();
  readonly runs = new Map<string, RunRecord>();
  /** The start, or the last reset. */
  sinceMs: number;
  /** Called with every run that has a new future. */
  onPlanned: (run: Tracked) => void = () => {};
  #idCounter = 0;
  #runCounter = 0;
  #sweeps: readonly Sweep[];

  constructor(options: ResolvedOptions, faults: Faults, now: () => number) {
    this.options = options;
    this.faults = faults;
    this.now = now;
    this.random = streams(options.seed);
    this.sinceMs = now();
    this.ledger = new LedgerBook(this.sinceMs);
    this.#sweeps = this.#newSweeps();
  }

  /** Back to the start, with the options and faults as they are. Ids never repeat, not even after this. */
  reset(): void {
    for (const records of [this.responses, this.conversations, this.assistants, this.threads, this.runs]) {
      records.clear();
    }
    this.random = streams(this.options.seed);
    this.sinceMs = this.now();
    this.ledger = new LedgerBook(this.sinceMs);
    this.limiter = new RateLimiter();
    this.#runCounter = 0;
    this.#sweeps = this.#newSweeps();
  }

  /** A new id, e.g. `run_5f3a…`: random, and unique by the counter in it. */
  newId(prefix: string): string {
    const noise = () =>
      Math.floor(this.random.ids.next() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, '0');
    return `${prefix}_${noise()}${noise()}${(++this.#idCounter).toString(16).padStart(8, '0')}`;
  }

  /** The randomness of the next run. */
  nextRunRandom(): Random {
    return this.random.runs.fork(String(++this.#runCounter));
  }

  /** `Infinity`, unless the run that is being cancelled shall complete all the same. */
  revivesAfterMs(): number {
    const { cancelledCompletesProbability, cancelledCompletesAfterMs } = this.faults;
    return this.random.cancels.next() < cancelledCompletesProbability ? cancelledCompletesAfterMs : Infinity;
  }

  /** A run has been created. */
  planned(run: Tracked): void {
    this.ledger.created(run);
    this.onPlanned(run);
  }

  /**
   * A run's future has changed. Every future passes through here or through {@link planned}: whatever has to act
   * at the moment when a run ends, instead of when somebody looks, belongs in these two.
   */
  replan(run: Tracked, plan: Plan): void {
    run.plan = plan;
    this.onPlanned(run);
  }

  dropResponse(response: ResponseRecord): void {
    this.responses.delete(response.id);
    const { conversationId } = response;
    if (conversationId !== null && this.conversations.get(conversationId) === response) {
      this.conversations.delete(conversationId);
    }
  }

  *allRuns(): Generator<Tracked> {
    yield* this.responses.values();
    yield* this.runs.values();
  }

  /** Called at every create: drops a few runs that ended long ago, if so configured. */
  sweep(nowMs: number): void {
    if (this.options.forgetEndedAfterSeconds === 0) return;
    for (const sweep of this.#sweeps) sweep(nowMs);
  }

  #newSweeps(): readonly Sweep[] {
    const forget = (run: Tracked, nowMs: number): boolean => {
      const endedAt = endedAtMs(run.plan, nowMs);
      if (endedAt === null || nowMs - endedAt < this.options.forgetEndedAfterSeconds * 1000) return false;
      this.ledger.forgotten(run, nowMs);
      return true;
    };
    return [
      sweeper(this.responses, (response, nowMs) => {
        if (!forget(response, nowMs)) return;
        this.dropResponse(response);
      }),
      sweeper(this.runs, (run, nowMs) => {
        if (!forget(run, nowMs)) return;
        this.runs.delete(run.id);
        run.thread.runs.splice(run.thread.runs.indexOf(run), 1);
        if (run.thread.runs.length === 0) this.threads.delete(run.thread.id);
      }),
    ];
  }
}

type Sweep = (nowMs: number) => void;

/**
 * Looks at two records a call, going round and round the map: each create pays for less than one deletion, and
 * nothing ever walks the whole map at once. A map's iterator stays valid while entries come and go.
 */
function sweeper<T>(records: Map<string, T>, look: (record: T, nowMs: number) => void): Sweep {
  let hand = records.values();
  return (nowMs) => {
    for (let i = 0; i < 2; i++) {
      const next = hand.next();
      if (next.done === true) {
        hand = records.values();
        return;
      }
      look(next.value, nowMs);
    }
  };
}
