# One image for every process of the fleet: `docker run runfleet api`, `… runs`, `… all`.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY workers workers
RUN npm run build

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# TypeScript comes as an optional peer of a dependency; with the type declarations it is more than half of all this,
# and nothing reads either at run time.
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev \
  && rm -rf node_modules/typescript node_modules/@typescript \
  && find node_modules -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' \) -delete

FROM node:24-bookworm-slim
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="runfleet" \
  org.opencontainers.image.description="A fleet of workers that carries asynchronous OpenAI runs to their end with the fewest API calls" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}"
# Outside its container nobody reaches loopback. So the API listens on all addresses, and starts only with
# RUNFLEET_API_KEYS. Workers offer /metrics and /healthz on 9464.
ENV NODE_ENV=production \
  RUNFLEET_HOST=0.0.0.0 \
  RUNFLEET_PORT=3000 \
  RUNFLEET_METRICS_PORT=9464
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY bin bin
COPY deploy/healthcheck.js deploy/healthcheck.js
# A number, so that Kubernetes can see that it is not root; one that owns no file in here.
USER 10001:10001
EXPOSE 3000 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["node", "deploy/healthcheck.js"]
# No shell and no npm in between: SIGTERM reaches the process that knows what to finish.
ENTRYPOINT ["node", "bin/runfleet.js"]
CMD ["--help"]
