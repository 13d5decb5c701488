import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import express, { type RequestHandler, type Router } from 'express';
import * as z from 'zod';
import { bearerKey, identify, refuseWithout } from '../auth/bearer.ts';
import { anonymous, may, setCaller } from '../auth/caller.ts';
import type { KeyRing } from '../auth/key-ring.ts';
import { sameOriginOnly } from '../auth/origin.ts';
import { boardSessions, type BoardSessions } from '../auth/session.ts';
import type { HttpDeps } from '../deps.ts';
import { ProblemError } from '../problems.ts';
import { isHttps } from '../request-context.ts';
import { formattersOf } from './format.ts';
import { loginPage, logoutPage, pageCsp } from './pages.ts';

/** The board with its doors: who may come in, from where, and that nobody changes anything. */
export function boardRouter(deps: HttpDeps, ring: KeyRing): Router {
  const sessions = boardSessions(ring, deps.clock);
  const router = express.Router();
  router.use(sameOriginOnly);
  if (!ring.open) router.use(loginRouter(ring, sessions));
  router.use(admit(ring, sessions));
  router.use(readOnly);
  router.use((_req, res, next) => {
    res.set('Content-Security-Policy', boardCsp);
    next();
  });
  router.use(bullBoard(deps, !ring.open));
  return router;
}

/**
 * Scripts and connections of our own only. Styles inline, because Bull Board writes them; its fonts come from
 * outside and are kept out: nobody else learns who looks at the board.
 */
const boardCsp = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

function bullBoard(deps: HttpDeps, canLogOut: boolean): RequestHandler {
  const serverAdapter = new ExpressAdapter();
  serverAdapter.setBasePath('/board');
  const systemFont = { 'font-sans': 'system-ui, sans-serif', 'font-mono': 'ui-monospace, monospace' };
  createBullBoard({
    queues: deps.boardQueues.map((queue) => {
      const adapter = new BullMQAdapter(queue, { readOnlyMode: true });
      const formatters = formattersOf(queue.name);
      adapter.setFormatter('name', formatters.name);
      adapter.setFormatter('data', formatters.data);
      adapter.setFormatter('progress', formatters.progress);
      adapter.setFormatter('returnValue', formatters.returnValue);
      return adapter;
    }),
    serverAdapter,
    options: {
      uiConfig: {
        boardTitle: 'runfleet',
        // Each costs a CLIENT LIST per queue and refresh.
        showWorkers: false,
        hideDocsLink: true,
        jobDetails: { defaultTab: 'Progress' },
        theme: { light: systemFont, dark: systemFont },
        miscLinks: [
          { text: 'API documentation', url: '/docs' },
          ...(canLogOut ? [{ text: 'Log out', url: '/board/logout' }] : []),
        ],
      },
      // Runs are in no flow, and this is the one answer that would show their progress as it is.
      handlerHooks: {
        after: ({ route, request }, result) =>
          route.endsWith('/flow')
            ? { status: 200, body: { nodeId: request.params['jobId'], flowRoot: null, isFlowNode: false } }
            : result,
      },
    },
  });
  // To our own handler: its own answers 500 with the message, also while Redis is away.
  serverAdapter.setErrorHandler((error) => {
    throw error;
  });
  const board: express.Express = serverAdapter.getRouter();
  board.disable('x-powered-by');
  return board;
}

const loginForm = z.object({ key: z.string() });

function loginRouter(ring: KeyRing, sessions: BoardSessions): Router {
  const router = express.Router();
  router.use(['/login', '/logout'], (_req, res, next) => {
    res.set('Content-Security-Policy', pageCsp);
    next();
  });
  router.get('/login', (_req, res) => void res.type('html').send(loginPage()));
  router.post('/login', express.urlencoded({ extended: false, limit: '4kb' }), (req, res) => {
    const form = loginForm.safeParse(req.body);
    const caller = form.success ? ring.identify(form.data.key) : null;
    if (caller === null) {
      res.status(401).type('html').send(loginPage('This key is not known.'));
    } else if (!may(caller, 'admin')) {
      res
        .status(403)
        .type('html')
        .send(loginPage('This key lacks the scope “admin”: the board shows everybody’s runs.'));
    } else {
      res.set('Set-Cookie', sessions.cookieFor(caller, isHttps(req)));
      res.redirect(303, '/board/');
    }
  });
  router.get('/logout', (_req, res) => void res.type('html').send(logoutPage()));
  router.post('/logout', (_req, res) => {
    res.set('Set-Cookie', sessions.goneCookie);
    res.redirect(303, '/board/login');
  });
  return router;
}

/** By the session's cookie, or by the key itself for those who are no browser. */
function admit(ring: KeyRing, sessions: BoardSessions): RequestHandler {
  return (req, res, next) => {
    if (ring.open) {
      setCaller(req, anonymous);
      return next();
    }
    const caller = sessions.callerOf(req.get('cookie'));
    if (caller !== null) {
      setCaller(req, caller);
      return next();
    }
    if (bearerKey(req) === null && req.method === 'GET' && req.accepts(['json', 'html']) === 'html') {
      return res.redirect(303, '/board/login');
    }
    const sender = identify(ring, req);
    refuseWithout('admin', sender);
    setCaller(req, sender);
    next();
  };
}

/**
 * Bull Board's read-only mode refuses by queue, and answers 200 to "pause all"; this refuses by method, whatever
 * routes its next version brings. A run removed or retried behind the core's back is a run lost or paid for twice.
 */
const readOnly: RequestHandler = (req, _res, next) => {
  if (req.method === 'GET' || req.method === 'HEAD') return next();
  throw new ProblemError('method-not-allowed', {
    detail: 'The board is read only. Cancel and redrive runs through the API.',
    headers: { Allow: 'GET, HEAD' },
  });
};
