/**
 * The class of a run: what can be seen of it before it starts, from the narrowest to the widest.
 * What narrows the class helps more than any cleverness in the schedule.
 */

import type { ClassChain } from './duration-model.ts';

/** Null or absent where it does not apply or is unknown. */
export interface ClassTraits {
  readonly kind: string;
  readonly model?: string | null;
  readonly reasoningEffort?: string | null;
  /** The assistant or the stored prompt. */
  readonly templateId?: string | null;
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
  const template = [templateId, tools].filter((word) => word !== null && word !== undefined && word !== '');
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

function part(text: string): string {
  const clean = text.replaceAll(/[^\w.+@/-]/g, '_');
  if (clean === text && text.length <= longestPart) return text;
  // Two words that are cut or cleaned alike must stay apart.
  let hash = 0x811c9dc5;
  for (const letter of text) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return `${clean.slice(0, longestPart - 9)}~${hash.toString(36)}`;
}
