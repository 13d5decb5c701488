/** A process that can be stopped at any of its effects, as `kill -9` stops it. */

export interface Death {
  /** The effect, counted over everything that the process calls. */
  readonly at: number;
  /** Whether the effect still happens. */
  readonly when: 'before' | 'after';
}

/**
 * Everything that a process holds of the world goes through `touching`. A method that answers with a promise is an
 * effect; once dead, nothing answers any more, and nothing happens.
 */
export class MortalProcess {
  /** Resolves when it dies. */
  readonly died: Promise<void>;
  /** Names of what it has called so far; effects are marked. */
  readonly trace: { readonly name: string; readonly isEffect: boolean }[] = [];
  private readonly death: Death | null;
  /** One stand-in for each thing: what was the same is the same. */
  private readonly touched = new WeakMap<object, object>();
  private readonly dying = Promise.withResolvers<void>();
  isDead = false;

  constructor(death: Death | null) {
    this.death = death;
    this.died = this.dying.promise;
  }

  touching<T extends object>(target: T): T;
  touching(target: object): object {
    const before = this.touched.get(target);
    if (before !== undefined) return before;
    const standIn = new Proxy(target, {
      get: (object, property) => {
        const value: unknown = Reflect.get(object, property, object);
        if (typeof value === 'function') {
          return (...args: unknown[]): unknown =>
            this.call(String(property), () => Reflect.apply(value, object, args));
        }
        return canAct(value) ? this.touching(value) : value;
      },
    });
    this.touched.set(target, standIn);
    return standIn;
  }

  private call(name: string, act: () => unknown): unknown {
    // What a dead process holds back is never seen again.
    if (this.isDead) return forever();
    const here = this.death?.at === this.trace.length ? this.death.when : null;
    if (here === 'before') return this.die();
    const at = this.trace.length;
    this.trace.push({ name, isEffect: false });
    const result = act();
    if (!(result instanceof Promise)) return canAct(result) ? this.touching(result) : result;
    this.trace[at] = { name, isEffect: true };
    if (here === null) return this.whileAlive(result);
    return result.then(
      () => this.die(),
      () => this.die(),
    );
  }

  private async whileAlive(result: Promise<unknown>): Promise<unknown> {
    const value = await result;
    return this.isDead ? await forever() : value;
  }

  private die(): Promise<never> {
    this.isDead = true;
    this.dying.resolve();
    return forever();
  }
}

function forever(): Promise<never> {
  return new Promise(() => {});
}

/** A port, or a bag of ports; all else is data. */
function canAct(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || value instanceof Promise) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(value)) return true;
  return Object.values(value).some((each) => typeof each === 'function' || canAct(each));
}
