import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RunfleetClient, type RunView } from '../../src/client/index.ts';
import { processEnvironment } from '../../src/config/index.ts';
import { type Simulator, startSimulator } from '../../src/simulator/index.ts';
import { programFor } from '../support/deploy/binaries.ts';
import { type Browser, startBrowser } from '../support/deploy/browser.ts';
import { type Runfleet, startRunfleet } from '../support/deploy/runfleet.ts';
import { eventually } from '../support/eventually.ts';

/** The board and the documentation as people see them: one process with everything, and a real browser. */

const apiKey = 'board-key-that-nobody-may-read';
const providerKey = 'sk-provider-key-that-nobody-may-read';
const prompt = 'PROMPT-THAT-NOBODY-MAY-READ';
const secrets = [apiKey, providerKey, prompt];

const opened = new AsyncDisposableStack();
let simulator: Simulator;
let client: RunfleetClient;
let url: string;
let runfleet: Runfleet;
/** One that goes on, one that is done, one that failed. */
let open: RunView;
let done: RunView;
let failed: RunView;

beforeAll(async () => {
  simulator = opened.use(await startSimulator());
  runfleet = await startRunfleet('all', {
    PATH: processEnvironment()['PATH'] ?? '',
    OPENAI_BASE_URL: simulator.baseUrl,
    OPENAI_API_KEY: providerKey,
    RUNFLEET_API_KEYS: `people:${apiKey}`,
    RUNFLEET_PORT: '0',
    // Looks every five seconds at most, however long a run takes.
    RUNFLEET_POLL_POLICY: 'backoff',
    RUNFLEET_CALLBACK_SECRET: `whsec_${Buffer.from(apiKey.padEnd(24)).toString('base64')}`,
    RUNFLEET_LOG_LEVEL: 'debug',
  });
  opened.use(runfleet);
  url = runfleet.address('API');
  client = new RunfleetClient({ baseUrl: url, apiKey });
  const send = (metadata: Record<string, string>): Promise<RunView> =>
    client.runs.create({
      label: 'nightly',
      request: { model: 'gpt-5', input: prompt, instructions: prompt, metadata },
      callback: { url: `https://hooks.invalid/${apiKey}` },
    });
  open = await send({ sim_duration_ms: '3600000' });
  done = await client.runs.wait((await send({ sim_duration_ms: '300' })).id);
  failed = await client.runs.wait((await send({ sim_duration_ms: '300', sim_ending: 'failed' })).id);
  open = await eventually(
    'the open run to have been looked at',
    () => client.runs.get(open.id),
    ({ calls }) => calls.retrieve > 1,
  );
});

afterAll(() => opened.disposeAsync());

test('the board asks for a key, and takes no wrong one', async () => {
  const asked = await fetch(`${url}/board`, { redirect: 'manual', headers: { accept: 'text/html' } });
  expect([asked.status, asked.headers.get('location')]).toEqual([303, '/board/login']);
  expect((await logIn('wrong')).status).toBe(401);
  const right = await logIn(apiKey);
  expect([right.status, right.headers.get('location')]).toEqual([303, '/board/']);
  expect(right.headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Strict/);
});

const chromium = programFor(
  'the board and the documentation in a real browser',
  'chromium',
  'chromium-browser',
);
if (chromium !== null) {
  describe('in a browser', () => {
    let browser: Browser;
    let page: Page;

    beforeAll(async () => {
      browser = opened.use(await startBrowser(chromium.file));
      ({ page } = browser);
      await page.goto(`${url}/board`);
      await page.getByLabel('API key').fill('wrong');
      await page.getByRole('button', { name: 'Log in' }).click();
      await page.getByRole('alert').getByText('This key is not known.').waitFor();
      await page.getByLabel('API key').fill(apiKey);
      await page.getByRole('button', { name: 'Log in' }).click();
      await page.waitForURL(`${url}/board/`);
    });

    test('the queue lists the run that goes on, and where it stands', async () => {
      await page.goto(`${url}/board/queue/runs?status=delayed`);
      await page.getByText(open.id).waitFor();
      expect(await textOf(page)).toContain('in_progress · responses · nightly');
      await refuseSecrets(browser);
      await expectPicture(browser, 'board-queue');
    });

    test('a job tells status, calls, next look and provider id', async () => {
      await page.goto(`${url}/board/queue/runs/${open.id}`);
      await page.getByText('provider_run_id').waitFor();
      const text = await textOf(page);
      const [, calls] = /calls:"(.*?)"/.exec(text) ?? [];
      expect(calls).toMatch(/^\d+: create 1, retrieve \d+$/);
      const [, nextLook = ''] = /next_look_at:"(.*?)"/.exec(text) ?? [];
      expect(Date.parse(nextLook)).toBeGreaterThan(Date.parse(open.accepted_at));
      expect(text).toContain(`provider_run_id:"${open.provider_run_id}"`);
      expect(text).toContain('status:"in_progress"');
      await expectPicture(browser, 'board-job');
    });

    test.for([
      { which: 'open', of: () => open, says: 'in_progress' },
      { which: 'completed', of: () => done, says: 'completed' },
      { which: 'failed', of: () => failed, says: 'failed' },
    ])('no tab of the $which run shows a secret', async ({ of, says }) => {
      await page.goto(`${url}/board/queue/runs/${of().id}`);
      await page.getByText(`${says} · responses · nightly`).waitFor();
      const tabs = page.getByRole('tab');
      expect(await tabs.allInnerTexts()).toEqual(
        expect.arrayContaining(['Data', 'Progress', 'Options', 'Error']),
      );
      for (const tab of await tabs.all()) {
        await tab.click();
        await refuseSecrets(browser);
      }
    });

    test('there is no button that changes anything, and nothing happens to who tries without one', async () => {
      await page.goto(`${url}/board/queue/runs?status=delayed`);
      await page.getByText(open.id).waitFor();
      const verbs =
        /retry|promote|remove|clean|pause|resume|duplicate|add job|edit|obliterate|empty|discard/i;
      expect(await page.getByRole('button', { name: verbs }).count()).toBe(0);
      await page.goto(`${url}/board/`);
      const menus = page.locator('[aria-haspopup=menu]');
      await menus.nth(1).waitFor();
      for (const menu of await menus.all()) {
        await menu.click();
        await page.getByRole('menuitem').first().waitFor();
        expect(await page.getByRole('menuitem', { name: verbs }).count()).toBe(0);
        await page.keyboard.press('Escape');
      }

      const before = simulator.ledger();
      const attempts = [
        `runs/${open.id}/promote`,
        `runs/${open.id}/retry/delayed`,
        `runs/${open.id}/clean`,
        `runs/${done.id}/retry/completed`,
        `runs/${failed.id}/retry/failed`,
        'runs/pause',
        'runs/promote',
        'runs/retry/failed',
        'runs/clean/completed',
        'runs/obliterate',
        'pause',
      ];
      // With the session, from the board's own page: as its buttons would.
      const statuses = await page.evaluate(
        (paths) =>
          Promise.all(
            paths.map(async (path) => (await fetch(`/board/api/queues/${path}`, { method: 'PUT' })).status),
          ),
        attempts,
      );
      expect(statuses).toEqual(attempts.map(() => 405));
      expect((await client.runs.get(done.id)).calls).toEqual(done.calls);
      expect((await client.runs.get(failed.id)).calls).toEqual(failed.calls);
      // It is still polled, once a look: nothing was paused, removed or hurried.
      const looks = (await client.runs.get(open.id)).calls.retrieve;
      const after = await eventually(
        'the next look',
        () => client.runs.get(open.id),
        ({ calls }) => calls.retrieve > looks,
      );
      expect(after.status).toBe('in_progress');
      expect(simulator.ledger().responses.created).toBe(before.responses.created);
      expect(simulator.ledger().duplicates).toEqual([]);
    });

    test('the documentation can be read, and its links lead somewhere', async () => {
      await page.goto(`${url}/docs`);
      await page.getByRole('heading', { name: 'runfleet: HTTP interface' }).waitFor();
      // As text: it runs in the page, whose globals are not ours.
      const broken = await page.evaluate<string[]>(`[...document.querySelectorAll('a[href^="#"]')]
        .map((link) => decodeURIComponent(link.hash.slice(1)))
        .filter((id) => document.getElementById(id) === null)`);
      expect(broken).toEqual([]);
      await expectPicture(browser, 'docs');
    });

    test.for(['/docs', '/board/login'])('%s fits on a telephone', async (path) => {
      await page.setViewportSize({ width: 390, height: 844 });
      await page.goto(url + path);
      const excess = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
      await browser.picture(`telephone${path.replaceAll('/', '-')}`);
      expect(excess).toBeLessThanOrEqual(0);
      await page.setViewportSize({ width: 1280, height: 900 });
    });

    test('whoever logs out is out', async () => {
      await page.goto(`${url}/board/logout`);
      await page.getByRole('button', { name: 'Log out' }).click();
      await page.waitForURL(`${url}/board/login`);
      await page.goto(`${url}/board/queue/runs`);
      expect(page.url()).toBe(`${url}/board/login`);
    });

    test('nothing that came over the network held a secret, and the pages complained of nothing else than fonts', async () => {
      await refuseSecrets(browser);
      const answers = await browser.answers();
      expect(answers.filter((each) => each.includes('/board/api/')).length).toBeGreaterThan(5);
      const expected = /fonts\.googleapis\.com|status of 40[15]/;
      expect(browser.complaints.filter((text) => !expected.test(text))).toEqual([]);
    });
  });
}

test('no secret was printed or logged, at the most talkative level', () => {
  expect(runfleet.output()).toContain('run ended');
  for (const secret of secrets) expect(runfleet.output()).not.toContain(secret);
});

async function logIn(key: string): Promise<Response> {
  return await fetch(`${url}/board/login`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'sec-fetch-site': 'same-origin' },
    body: new URLSearchParams({ key }),
  });
}

async function textOf(page: Page): Promise<string> {
  return await page.locator('body').innerText();
}

/** In the page as it is, scripts and attributes included, and in all that it was made from. */
async function refuseSecrets(browser: Browser): Promise<void> {
  const seen = [await browser.page.content(), ...(await browser.answers())].join('\n');
  for (const secret of secrets) expect(seen).not.toContain(secret);
}

/** A blank page would be a few kilobytes. */
async function expectPicture(browser: Browser, name: string): Promise<void> {
  expect((await browser.picture(name)).length).toBeGreaterThan(15_000);
}
