/** The two small pages before the board. */

import { html, inlineStyle, type Html } from '../docs/html.ts';

const style = inlineStyle(`
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center;
  background: light-dark(#f6f7f9, #14171c); color: light-dark(#1c2128, #dfe4ea); }
main { box-sizing: border-box; width: min(26rem, 90vw); padding: 2rem; border-radius: .75rem;
  background: light-dark(#fff, #1c2128); border: 1px solid light-dark(#dde1e6, #333a44); }
h1 { margin: 0 0 .25rem; font-size: 1.25rem; }
p { margin: 0 0 1.25rem; color: light-dark(#5a6472, #98a3b1); }
label { display: block; font-weight: 600; margin-bottom: .35rem; }
input, button { width: 100%; box-sizing: border-box; font: inherit; padding: .55rem .7rem; border-radius: .45rem; }
input { border: 1px solid light-dark(#c3c9d1, #465060); background: light-dark(#fff, #14171c); color: inherit; }
button { margin-top: 1rem; border: 0; background: #2563c9; color: #fff; font-weight: 600; cursor: pointer; }
.error { color: light-dark(#b3261e, #ff9d96); }
`);

export const pageCsp = [
  "default-src 'none'",
  `style-src ${style.source}`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function loginPage(error?: string): string {
  return page(
    'Log in',
    html`<form method="post" action="/board/login">
      <h1>runfleet board</h1>
      <p>Read-only view of the queues. Log in with an API key.</p>
      ${error === undefined ? '' : html`<p class="error" role="alert">${error}</p>`}
      <label for="key">API key</label>
      <input id="key" name="key" type="password" autocomplete="current-password" required autofocus />
      <button>Log in</button>
    </form>`,
  );
}

export function logoutPage(): string {
  return page(
    'Log out',
    html`<form method="post" action="/board/logout">
      <h1>runfleet board</h1>
      <p>You will need an API key to come back.</p>
      <button>Log out</button>
    </form>`,
  );
}

function page(title: string, content: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} – runfleet</title>
        ${style.element}
      </head>
      <body>
        <main>${content}</main>
      </body>
    </html>`.markup;
}
