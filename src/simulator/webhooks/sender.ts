import type { Tracked } from '../ledger.ts';
import { sampleMs } from '../distribution.ts';
import type { World } from '../world.ts';
import { eventBody, eventType, nextNewsAtMs, signedHeaders } from './event.ts';
import type { ResolvedWebhookOptions } from './options.ts';

interface Event {
  readonly webhookId: string;
  readonly body: string;
}

/** The longest that Node's timers can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A secret that nobody has. */
const WRONG_SECRET = `whsec_${Buffer.from('not the secret that you know...').toString('base64')}`;

/** Tells of runs when they end, to the endpoint of the options, if there is one. */
export class WebhookSender {
  readonly #world: World;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #closing = new AbortController();

  constructor(world: World) {
    this.#world = world;
  }

  /** A run has a new future. Only what is planned while an endpoint is set is told of. */
  planned(run: Tracked): void {
    if (this.#world.options.webhooks === null || !this.#tells(run)) return;
    // From its beginning: what takes no time at all is over by now.
    const { cancelAskedAtMs, legAtMs } = run.plan;
    this.#watch(run, cancelAskedAtMs === Infinity ? legAtMs : cancelAskedAtMs, null);
  }

  close(): void {
    this.#closing.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #tells(run: Tracked): boolean {
    const { options, responses } = this.#world;
    if (run.kind === 'assistants') return options.webhooks?.threadRuns === true;
    // A synchronous response tells its caller.
    return responses.get(run.id)?.background !== false;
  }

  /** `told`: the type that was sent last; a cancelled run may yet complete. */
  #watch(run: Tracked, fromMs: number, told: string | null): void {
    const { plan } = run;
    const atMs = nextNewsAtMs(plan, fromMs);
    this.#later(atMs - this.#world.now(), () => {
      // Replanned since: the newer plan is watched by itself.
      if (run.plan !== plan) return;
      const type = eventType(run, Math.max(atMs, plan.legAtMs + 1));
      if (type !== null && type !== told) this.#emit(run, type, atMs);
      this.#watch(run, atMs + 1, type ?? told);
    });
  }

  #emit(run: Tracked, type: string, nowMs: number): void {
    const options = this.#world.options.webhooks;
    if (options === null) return;
    const { ledger, random } = this.#world;
    ledger.webhooks.events++;
    const ownMs = this.#world.responses.get(run.id)?.fate.controls.webhookMs ?? null;
    const isLost = random.webhooks.next() < options.lossProbability;
    if (ownMs === Infinity || (ownMs === null && isLost)) {
      ledger.webhooks.lost++;
      return;
    }
    const body = eventBody(this.#world.newId('evt'), type, run, nowMs);
    const event = { webhookId: this.#world.newId('wh'), body };
    this.#dispatch(event, options, ownMs);
    if (random.webhooks.next() >= options.duplicateProbability) return;
    ledger.webhooks.duplicated++;
    this.#dispatch(event, options, ownMs);
  }

  /** `ownMs`: what the run itself says of its latency. */
  #dispatch(event: Event, options: ResolvedWebhookOptions, ownMs: number | null): void {
    const { webhooks } = this.#world.random;
    const lateMs = webhooks.next() < options.lateProbability ? options.lateMs : 0;
    const drawnMs = sampleMs(options.latencyMs, webhooks) + lateMs;
    this.#later(ownMs ?? drawnMs, () => void this.#deliver(event, options, 0));
  }

  async #deliver(event: Event, options: ResolvedWebhookOptions, tried: number): Promise<void> {
    const { ledger } = this.#world;
    ledger.webhooks.tries++;
    if (await this.#try(event, options)) {
      ledger.webhooks.delivered++;
      return;
    }
    ledger.webhooks.failedTries++;
    const delayMs = options.retryDelaysMs[tried];
    if (delayMs === undefined) ledger.webhooks.givenUp++;
    else this.#later(delayMs, () => void this.#deliver(event, options, tried + 1));
  }

  /** Never rejects: what goes wrong is a failed try. */
  async #try({ webhookId, body }: Event, options: ResolvedWebhookOptions): Promise<boolean> {
    const { random, now, sinceMs } = this.#world;
    const atMs = now() - sinceMs;
    if (options.outages.some(({ fromMs, untilMs }) => atMs >= fromMs && atMs < untilMs)) return false;
    const isForged = random.webhooks.next() < options.wrongSignatureProbability;
    try {
      const answer = await fetch(options.url, {
        method: 'POST',
        headers: signedHeaders(webhookId, isForged ? WRONG_SECRET : options.secret, body, now()),
        body,
        redirect: 'manual',
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(options.timeoutMs)]),
      });
      await answer.body?.cancel();
      return answer.ok;
    } catch {
      return false;
    }
  }

  #later(delayMs: number, run: () => void): void {
    if (delayMs > LONGEST_TIMER_MS || this.#closing.signal.aborted) return;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        run();
      },
      Math.max(0, delayMs),
    );
    this.#timers.add(timer);
  }
}
