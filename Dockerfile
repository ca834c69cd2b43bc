# bearergate, and with --target demo the sample API and OpenID provider of docker-compose.yml.
# Debian rather than Alpine: the cookie library's native part is built for glibc only.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json ./
RUN npm ci --no-progress
COPY src src
RUN npx tsc --sourceMap false && chmod 755 build/src/main.js

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The cookie library ships its native part for a dozen platforms: one of them is ours.
RUN npm ci --omit=dev --no-progress \
 && find node_modules/sodium-native/prebuilds -mindepth 1 -maxdepth 1 \
      ! -name "linux-$(node -p process.arch)" -exec rm -rf {} + \
 && find node_modules -name '*.map' -delete

FROM build AS demo
USER 1000:1000
ENTRYPOINT ["node", "build/src/demo/standalone.js"]

FROM ${NODE_IMAGE} AS runtime
LABEL org.opencontainers.image.title="bearergate" \
      org.opencontainers.image.description="Reverse-proxy gateway that adds OAuth 2.0 / OpenID Connect sign-in to a backend API" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
    BEARERGATE_CONFIG=/etc/bearergate/bearergate.yaml
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/build/src build/src
RUN ln -s /app/build/src/main.js /usr/local/bin/bearergate
# By number, so that Kubernetes can check runAsNonRoot.
USER 1000:1000
EXPOSE 8080
# Asks whether the process lives, not whether it is ready: restarting a gateway because the provider
# is down would sign everybody out.
HEALTHCHECK --interval=10s --timeout=4s --start-period=10s --retries=3 \
  CMD ["bearergate", "healthcheck", "--live", "--config", "/etc/bearergate/bearergate.yaml"]
ENTRYPOINT ["bearergate"]
CMD ["serve"]
