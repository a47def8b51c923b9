# Leat on Debian 12: `docker build -t leat .`
#
# Nodes run the tools of the pipelines, and this image has none but the distribution's smallest. Put
# yours into an image that begins with `FROM leat` and give that one to the nodes.

FROM debian:bookworm-slim AS build
WORKDIR /src
COPY . .
RUN ./dev build

FROM debian:bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends \
    libfmt9 libhttp-parser2.9 libprometheus-cpp-core1.0 libre2-9 librocksdb7.8 libyaml-cpp0.7 libzmq5 \
  && rm -rf /var/lib/apt/lists/*
COPY --from=build \
  /src/build/release/leat /src/build/release/leat-main /src/build/release/leat-guardian \
  /src/build/release/leat-start \
  /usr/local/bin/
# The first run also shows that no library is missing.
RUN leat --version && useradd --system --create-home --home-dir /var/lib/leat leat
USER leat
WORKDIR /var/lib/leat
ENTRYPOINT ["leat"]
