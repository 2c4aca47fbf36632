# The PDS as an image: docker build -t avocet-pds .
# The tag of Node is that of the lock file; `npm test` compares the two.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /build
COPY . .
RUN npx -y pnpm@12.21.0 install --frozen-lockfile \
  && node scripts/deploy.ts pds /app

FROM node:24.21.0-bookworm-slim
LABEL org.opencontainers.image.title="avocet-pds" \
  org.opencontainers.image.description="A Personal Data Server of the AT Protocol" \
  org.opencontainers.image.licenses="MIT"
COPY --from=build /app /app
RUN ln -s /app/dist/main.js /usr/local/bin/avocet-pds \
  && install -d -m 0700 -o node -g node /pds
ENV NODE_ENV=production \
  PDS_DATA_DIRECTORY=/pds \
  PDS_HOST=:: \
  PDS_PORT=3000
USER node
WORKDIR /pds
VOLUME /pds
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PDS_PORT}/xrpc/_health`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["avocet-pds"]
