import express, { type Express } from 'express';
import { loopbackOnly } from './auth/origin.ts';
import { boardRouter } from './board/router.ts';
import { defaultLimits, type HttpDeps } from './deps.ts';
import { errorHandler } from './error-handler.ts';
import { LongWaits } from './long-waits.ts';
import { ProblemError } from './problems.ts';
import { requestContext } from './request-context.ts';
import { mount, type Route } from './route.ts';
import { boardRoutes } from './routes/board-routes.ts';
import { callbackRoutes } from './routes/callback-routes.ts';
import { docsRoutes } from './routes/docs-routes.ts';
import { eventRoutes } from './routes/event-routes.ts';
import { operationRoutes } from './routes/operation-routes.ts';
import { runRoutes } from './routes/run-routes.ts';
import { submitRoutes } from './routes/submit-routes.ts';
import { toolRoutes } from './routes/tool-routes.ts';
import { webhookRoutes } from './routes/webhook-routes.ts';

/** The whole HTTP interface. Does not listen, and closes nothing. */
export function createApp(deps: HttpDeps): Express {
  const limits = { ...defaultLimits, ...deps.limits };
  const { keys: ring } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');

  app.use(requestContext(deps.logger));
  if (ring.open) app.use(loopbackOnly);
  app.use('/board', boardRouter(deps, ring));
  mount(app, apiRoutes(deps), {
    ring,
    bodyBytes: limits.bodyBytes,
    rawBodyBytes: limits.webhookBytes,
  });

  app.use(() => {
    throw new ProblemError('not-found');
  });
  app.use(errorHandler(deps.logger));
  return app;
}

/** Each group of routes gets a file, and a line here. */
export function apiRoutes(deps: HttpDeps): Route[] {
  const limits = { ...defaultLimits, ...deps.limits };
  const routes = [
    ...submitRoutes(deps),
    ...runRoutes(deps, new LongWaits(deps, deps.stopping)),
    ...toolRoutes(deps),
    ...eventRoutes(deps),
    ...webhookRoutes(deps),
    ...callbackRoutes(deps),
    ...operationRoutes(deps, limits),
    ...boardRoutes,
  ];
  return [...routes, ...docsRoutes(routes)];
}
