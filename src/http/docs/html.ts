import { createHash } from 'node:crypto';

/** Markup that is safe to put on a page as it is. */
export interface Html {
  readonly markup: string;
}

type Part = Html | string | number | readonly Part[];

/** A template whose values are escaped, unless they are markup made here. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  return { markup: strings.map((text, index) => text + render(values[index] ?? '')).join('') };
}

function render(value: Part): string {
  if (typeof value === 'string' || typeof value === 'number') return escape(String(value));
  return 'markup' in value ? value.markup : value.map(render).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}

/** A style sheet inside the page, and the source expression that lets a strict policy accept just that one. */
export function inlineStyle(css: string): { readonly element: Html; readonly source: string } {
  const digest = createHash('sha256').update(css).digest('base64');
  return { element: { markup: `<style>${css}</style>` }, source: `'sha256-${digest}'` };
}
