/**
 * The class of a run: what can be seen of it before it starts, from the narrowest to the widest.
 * What narrows the class helps more than any cleverness in the schedule.
 */

import type { RunSpec, RunTraits } from '../run.ts';
import type { ClassChain } from './duration-model.ts';

/** Null or absent where it does not apply or is unknown. */
export interface ClassTraits {
  readonly kind: string;
  readonly model?: string | null | undefined;
  readonly reasoningEffort?: string | null | undefined;
  /** The assistant or the stored prompt. */
  readonly templateId?: string | null | undefined;
  /** Names of the tools it may call. */
  readonly toolNames?: readonly string[];
  /** The caller's own word for this sort of run. */
  readonly label?: string | null;
}

/** Longer words are cut: they are keys of Redis, and a caller chooses the label. */
const longestPart = 64;

/**
 * kind → + model → + effort → + template and tools → + label. A level that adds nothing is left out.
 * Keys hold no `:` or white space, so they fit in any key scheme.
 */
export function classChain(traits: ClassTraits): ClassChain {
  const { kind, model, reasoningEffort, templateId, toolNames, label } = traits;
  const tools = toolNames === undefined || toolNames.length === 0 ? null : toolNames.toSorted().join('+');
  const template = [templateId, tools].filter((one) => one !== null && one !== undefined && one !== '');
  const levels: readonly (readonly [string, string | null | undefined])[] = [
    ['m', model],
    ['e', reasoningEffort],
    ['t', template.length === 0 ? null : template.join('+')],
    ['l', label],
  ];
  let key = part(kind);
  const chain: [string, ...string[]] = [key];
  for (const [name, value] of levels) {
    if (value === null || value === undefined || value === '') continue;
    key = `${key}|${name}=${part(value)}`;
    chain.unshift(key);
  }
  return chain;
}

/** The class of a run, by what it was asked to be. `traits`: its own, or those that were read off its request. */
export function chainOf(spec: Pick<RunSpec, 'kind' | 'label'>, traits: RunTraits): ClassChain {
  return classChain({
    kind: spec.kind,
    model: traits.model,
    reasoningEffort: traits.reasoningEffort,
    templateId: traits.template,
    toolNames: traits.tools === undefined ? [] : [traits.tools],
    label: spec.label,
  });
}

/** The key itself and those of the wider classes that it belongs to. */
export function chainOfKey(classKey: string): ClassChain {
  const levels = classKey.split('|');
  const wider = levels.slice(1).map((_, at) => levels.slice(0, at + 1).join('|'));
  return [classKey, ...wider.toReversed()];
}

/** Whatever a request holds in those places; what is no text is left out, what is long is cut. */
export interface SeenTraits {
  readonly model?: unknown;
  readonly reasoningEffort?: unknown;
  readonly template?: unknown;
  readonly toolNames?: readonly unknown[];
}

/** The traits as they are kept with a run: a few short words. */
export function traitsOfSeen(seen: SeenTraits): RunTraits {
  const names = (seen.toolNames ?? []).flatMap((name) => word(name) ?? []);
  // Sorted and each once: in which order tools are named makes no difference.
  const tools = word([...new Set(names)].toSorted().join('+'));
  const model = word(seen.model);
  const reasoningEffort = word(seen.reasoningEffort);
  const template = word(seen.template);
  return {
    ...(model === undefined ? {} : { model }),
    ...(reasoningEffort === undefined ? {} : { reasoningEffort }),
    ...(template === undefined ? {} : { template }),
    ...(tools === undefined ? {} : { tools }),
  };
}

function word(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? part(value) : undefined;
}

function part(text: string): string {
  // `~` stays: a word that was cut must not change when it is cut again.
  const clean = text.replaceAll(/[^\w.+@/~-]/g, '_');
  if (clean === text && text.length <= longestPart) return text;
  // Two words that are cut or cleaned alike must stay apart.
  let hash = 0x811c9dc5;
  for (const letter of text) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return `${clean.slice(0, longestPart - 9)}~${hash.toString(36)}`;
}
