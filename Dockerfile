# RingMQ in a container: Node and what it loads, the published package, and nothing else (no shell, no package manager).
#
#     docker build -t ringmq .
#     docker run -d --name ringmq -p 9876:9876 -v ringmq-data:/data --read-only ringmq
#
# It needs the npm registry once, for `npm ci`. Where there is no network, a node_modules.tar beside this file (what `npm ci` made on a machine of
# the same kind) takes its place. BASE has Node 20.19 or later with npm; of it only Node and the C libraries come along.
ARG BASE=node:24-slim

FROM ${BASE} AS build
WORKDIR /src
ADD package.json package-lock.json .npmrc node_modules.tar* ./
RUN [ -d node_modules ] || npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# What `npm publish` would send, with the packages it needs and those for a controller in etcd.
RUN npm pack --silent --pack-destination /tmp \
 && mkdir /packed \
 && tar -xzf /tmp/ringmq-*.tgz -C /packed \
 && npx --no-install tsc -b tools \
 && node dist/tools/image/main.js /packed/package /image

FROM ${BASE} AS files
# Node, the loader, and the libraries that Node is linked with, where they lie. Symbols that only debuggers read are left out where there is `strip`, or can be.
RUN set -eu; \
    node=$(readlink -f "$(command -v node)"); \
    mkdir -p /files/usr/local/bin /files/etc /files/tmp /owned/data; \
    cp "$node" /files/usr/local/bin/node; \
    command -v strip >/dev/null || { apt-get -qq update && apt-get -qq install -y --no-install-recommends binutils >/dev/null; } || true; \
    if command -v strip >/dev/null; then strip /files/usr/local/bin/node; fi; \
    for library in $(ldd "$node" | sed -n 's|^[^/]*\(/[^ ]*\) .*|\1|p'); do \
      mkdir -p "/files$(dirname "$library")"; \
      cp -L "$library" "/files$library"; \
    done; \
    printf '%s\n' '#!/usr/local/bin/node' "import('/ringmq/dist/cli/main.js');" >/files/usr/local/bin/ringmq; \
    chmod 755 /files/usr/local/bin/ringmq; \
    chmod 1777 /files/tmp; \
    echo 'ringmq:x:65532:65532:RingMQ:/data:/sbin/nologin' >/files/etc/passwd; \
    echo 'ringmq:x:65532:' >/files/etc/group; \
    echo 'hosts: files dns' >/files/etc/nsswitch.conf

FROM scratch
COPY --from=files /files /
COPY --from=files --chown=65532:65532 /owned /
COPY --from=build /image /ringmq
# Off loopback clients log in: the first start tells a password for one login in its log, or takes --admin-password-file.
ENV PATH=/usr/local/bin NODE_ENV=production RINGMQ_DATA=/data RINGMQ_LISTEN=0.0.0.0:9876
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 9876 9800
STOPSIGNAL SIGTERM
# The start reads a log back, which may take a while.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["ringmq", "check", "alive"]
ENTRYPOINT ["ringmq"]
CMD ["broker"]
