# syntax=docker/dockerfile:1
# Four stages: the dashboard; the dependencies, which change rarely and take minutes to build;
# matchcast itself; and a runtime image with the binary and the CA certificates for TLS.

FROM node:22-bookworm-slim AS page
WORKDIR /page
# How pages reach the provider, if it differs from how matchcast reaches it.
ARG VITE_PUSHER_APP_KEY VITE_PUSHER_APP_CLUSTER
ARG VITE_PUSHER_HOST VITE_PUSHER_PORT VITE_PUSHER_SCHEME
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci
COPY frontend ./
RUN npm run build

FROM rust:1.95-slim-bookworm AS build
# OpenSSL, libpq and jemalloc are compiled from source, which needs a C compiler, make and perl.
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev make perl \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build

FROM build AS dependencies
# Cargo.toml names the benches, and cargo rejects a manifest whose files are missing.
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock build.rs ./
COPY benches benches
# An empty crate with the same dependencies: this layer is cached until Cargo.lock changes.
RUN mkdir src \
    && echo 'fn main() {}' > src/main.rs \
    && touch src/lib.rs \
    && cargo build --release --locked --lib --bins

FROM dependencies AS matchcast
COPY . .
COPY --from=page /page/dist frontend/dist
# cargo compares modification times, and copied files may be older than the ones they replace.
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
# Without APP_ENV matchcast would start as local, with demo users. Listen on all addresses of the
# container; the published port controls access from outside.
ENV APP_ENV=production HOST=0.0.0.0 PORT=8080
EXPOSE 8080
# bash can open TCP connections, so the image needs no HTTP client. Only 200 means ready.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/$PORT && printf 'GET /health HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
# SIGTERM reaches matchcast directly, which then shuts down gracefully.
ENTRYPOINT ["matchcast"]
CMD ["serve"]
