# syntax=docker/dockerfile:1
# Four stages: the page; the dependencies, which change rarely and take minutes; matchcast itself; and
# a runtime that holds one binary and the certificates to reach a provider over TLS.

FROM node:22-bookworm-slim AS page
WORKDIR /page
# Where pages reach the provider, if that is not where matchcast itself reaches it.
ARG VITE_PUSHER_APP_KEY VITE_PUSHER_APP_CLUSTER
ARG VITE_PUSHER_HOST VITE_PUSHER_PORT VITE_PUSHER_SCHEME
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci
COPY frontend ./
RUN npm run build

FROM rust:1.95-slim-bookworm AS build
# OpenSSL and libpq are compiled from source: a C compiler, make and perl are all it takes.
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev make perl \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build

FROM build AS dependencies
# The benches are named in Cargo.toml, and cargo reads no manifest whose files are missing.
COPY Cargo.toml Cargo.lock build.rs ./
COPY benches benches
# An empty crate with the same dependencies: this layer stays until Cargo.lock changes.
RUN mkdir src \
    && echo 'fn main() {}' > src/main.rs \
    && touch src/lib.rs \
    && cargo build --release --locked --lib --bins

FROM dependencies AS matchcast
COPY . .
COPY --from=page /page/dist frontend/dist
# cargo compares times, and copied files may be older than the empty ones that they replace.
RUN touch src/main.rs src/lib.rs \
    && cargo build --release --locked --bin matchcast \
    && strip --strip-debug target/release/matchcast

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/matchcast --create-home matchcast
COPY --from=matchcast /build/target/release/matchcast /usr/local/bin/matchcast
USER matchcast
WORKDIR /var/lib/matchcast
# Inside a container every address is the container's own; outside, the published port decides.
ENV HOST=0.0.0.0 PORT=8080
EXPOSE 8080
# bash speaks TCP by itself, so no HTTP client has to be carried along. Ready is 200, nothing else.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/$PORT && printf 'GET /health HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
# SIGTERM reaches matchcast itself, which answers what it has taken and flushes before it ends.
ENTRYPOINT ["matchcast"]
CMD ["serve"]
