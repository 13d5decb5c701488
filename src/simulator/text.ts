/** Four characters a token: the usual rule of thumb. */
export function estimateTokens(characters: number): number {
  return Math.ceil(characters / 4);
}

/** An id that belongs to another one: the same for every look at it, without being stored. */
export function derivedId(prefix: string, ownerId: string, n: number): string {
  return `${prefix}_${ownerId.slice(ownerId.indexOf('_') + 1)}${n.toString(16).padStart(4, '0')}`;
}

/** The first words of a prompt, for an answer that shows what it answers. */
export function excerpt(text: string): string {
  const flat = text.slice(0, 200).replaceAll(/\s+/g, ' ').trim();
  return flat.length > 60 ? `${flat.slice(0, 59)}…` : flat;
}
