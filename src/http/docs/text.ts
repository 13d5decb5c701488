import { type Html, html } from './html.ts';

/** Plain text with `code` in it. */
export function prose(text: string): Html {
  return html`${text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}

export function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

/** A value that is one word; nothing for those that are not. */
export function plain(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : '';
}
