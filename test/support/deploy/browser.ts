import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

export interface Browser extends AsyncDisposable {
  readonly page: Page;
  /** What the pages complained of. */
  readonly complaints: readonly string[];
  /** Everything that came over the network so far, but for scripts, styles and pictures; address first. */
  answers(): Promise<string[]>;
  /** Keeps a picture for people to look at, and returns it. */
  picture(name: string): Promise<Buffer>;
}

/** A real Chromium with a profile of its own, which talks to nobody but the pages that it is sent to. */
export async function startBrowser(executablePath: string): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'runfleet-chromium-'));
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  let context: BrowserContext | null = null;
  const close = async (): Promise<void> => {
    await context?.close();
    await rm(profile, { recursive: true, force: true });
  };
  try {
    const viewport = { width: 1280, height: 900 };
    context = await chromium.launchPersistentContext(profile, {
      executablePath,
      args,
      headless: true,
      viewport,
    });
    const page = await context.newPage();
    const complaints: string[] = [];
    const bodies: Promise<string>[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('response', (response) => {
      if (response.url().includes('/static/')) return;
      // A redirect has no body.
      const body = response.text().catch(() => '');
      bodies.push(
        Promise.all([body, response.allHeaders()]).then(
          ([text, headers]) => `${response.url()} ${JSON.stringify(headers)} ${text}`,
        ),
      );
    });
    return {
      page,
      complaints,
      answers: () => Promise.all(bodies),
      async picture(name) {
        const folder = join(tmpdir(), 'runfleet-pictures');
        await mkdir(folder, { recursive: true });
        return await page.screenshot({ path: join(folder, `${name}.png`) });
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
