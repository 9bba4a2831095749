# One image for every program of Tidegate; the command says which one runs.
ARG NODE=node:24.21.0-bookworm-slim

# All packages, to build the console.
FROM ${NODE} AS build
WORKDIR /tidegate
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npx vite build control-plane/console

# Only what the programs run on.
FROM ${NODE} AS packages
WORKDIR /tidegate
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM ${NODE} AS run
ENV NODE_ENV=production NODE_COMPILE_CACHE=/tmp/compile-cache
WORKDIR /tidegate
COPY --from=packages /tidegate/node_modules node_modules
COPY package.json ./
COPY routes routes
COPY server-kit server-kit
COPY gateway gateway
COPY edge-worker edge-worker
COPY control-plane control-plane
COPY --from=build /tidegate/control-plane/console/dist control-plane/console/dist
# Mount points: a new volume takes owner and mode of the folder under it.
RUN mkdir -p /state /programs/private /programs/control-plane /programs/edge /programs/gateway-onprem \
      /programs/gateway-cloud /programs/monolith /programs/metrics \
    && chown -R node:node /state /programs \
    && chmod 0700 /state /programs/*
USER node
EXPOSE 17000 17080 17101 17201
# Each container names the listener of its own program; any answer shows that it lives.
ENV TIDEGATE_HEALTH_URL=http://127.0.0.1:17000/health/live
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=5 \
  CMD ["node", "-e", "fetch(process.env.TIDEGATE_HEALTH_URL).then(() => process.exit(0), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "control-plane/cli/tidegate.mjs"]
CMD ["--help"]
