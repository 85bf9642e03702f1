// Written by `npm run docs:options` from the schema beside it. Change the schema, not this file.

/** Options of `broker.listen()`. All of them may be left out. */
export interface ListenOptions {
  /**
   * Address to listen on. Other than loopback, clients have to log in (`auth`), or `insecure` is said.
   * Default 127.0.0.1.
   * Command: `--listen`, `RINGMQ_LISTEN`, `listen`.
   */
  host?: string | undefined;
  /**
   * Port to listen on. 0 picks a free one.
   * A number, 0 to 65535. Default 9,876 (9876).
   * Command: `--listen`, `RINGMQ_LISTEN`, `listen`.
   */
  port?: number | undefined;
  /**
   * Which WebSocket listener: uWebSockets.js (`uws`), which has to be installed beside RingMQ, or `ws`.
   * `auto` takes the first where it loads.
   * Default auto.
   * Command: `--listener`, `RINGMQ_LISTENER`, `listener`.
   */
  listener?: 'auto' | 'uws' | 'ws' | undefined;
  /**
   * Listener threads that share the port (uWebSockets.js only; `ws` has one).
   * A number, 1 to 32. Default one less than the cores, 1 to 4.
   * Command: `--listener-threads`, `RINGMQ_LISTENER_THREADS`, `listenerThreads`.
   */
  threads?: number | undefined;
  /**
   * Web origins whose pages may connect besides the listener's own, like `https://shop.example`; `*` lets in
   * any, `null` pages from files. Written otherwise than browsers send it, it is put right or refused. At
   * most 1,000.
   * Default none.
   * Command: `--allow-origin`, `RINGMQ_ALLOW_ORIGIN`, `allowOrigin`.
   */
  allowedOrigins?: readonly string[] | undefined;
  tls?:
    | {
        /**
         * Certificate chain in PEM; with a key file the listener serves `wss`.
         * Command: `--tls-cert`, `RINGMQ_TLS_CERT`, `tlsCert`.
         */
        certFile: string;
        /**
         * The certificate's key in PEM.
         * Command: `--tls-key`, `RINGMQ_TLS_KEY`, `tlsKey`.
         */
        keyFile: string;
        /**
         * Certificates in PEM of the authorities by which clients may show who they are. With it the listener is
         * `ws`.
         * Default none: clients are not asked for certificates.
         * Command: `--tls-client-ca`, `RINGMQ_TLS_CLIENT_CA`, `tlsClientCa`.
         */
        clientCaFile?: string | undefined;
        /**
         * Whether a client without a certificate may log in otherwise, or does not come in at all.
         * Default optional.
         * Command: `--tls-client-cert`, `RINGMQ_TLS_CLIENT_CERT`, `tlsClientCert`.
         */
        clientCert?: 'optional' | 'required' | undefined;
        /**
         * Which name in a client's certificate is its user: the common name of the subject, or the one DNS name.
         * Default cn.
         * Command: `--tls-client-name`, `RINGMQ_TLS_CLIENT_NAME`, `tlsClientName`.
         */
        clientName?: 'cn' | 'dns' | undefined;
      }
    | undefined;
  /**
   * Clients log in as users, and may do what these have a right to; slaves need `secretFile`. Where it is
   * off, everybody who reaches the port may do everything.
   * Default off on loopback and with `insecure`, else on.
   * Command: `--auth`, `RINGMQ_AUTH`, `auth`.
   */
  auth?: boolean | undefined;
  /**
   * File of the password of the user `admin`, which is made where `auth` finds no administrator. Without it
   * a one-time token is written into `admin-token` in the data directory.
   * Default none.
   * Command: `--admin-password-file`, `RINGMQ_ADMIN_PASSWORD_FILE`, `adminPasswordFile`.
   */
  adminPasswordFile?: string | undefined;
  jwt?:
    | {
        /**
         * File of the public keys that tokens are signed with: PEM (keys, certificates), a JSON Web Key or a set
         * of them. Read again when it has changed.
         * Default none; this or `jwt.jwksUrl` is needed.
         * Command: `--jwt-keys`, `RINGMQ_JWT_KEYS`, `jwtKeys`.
         */
        keyFile?: string | undefined;
        /**
         * Address of the set of keys, `https:` (`http:` on loopback). Asked every 10 minutes, and for a key that
         * is not known, at most every 5 s; known keys are used for an hour while it does not answer.
         * Default none.
         * Command: `--jwt-jwks`, `RINGMQ_JWT_JWKS`, `jwtJwks`.
         */
        jwksUrl?: string | undefined;
        /**
         * What the claim `iss` of a token must be.
         * Command: `--jwt-issuer`, `RINGMQ_JWT_ISSUER`, `jwtIssuer`.
         */
        issuer: string;
        /**
         * What the claim `aud` must be, or have: the name that the issuer has for this cluster.
         * Command: `--jwt-audience`, `RINGMQ_JWT_AUDIENCE`, `jwtAudience`.
         */
        audience: string;
        /**
         * Which signatures are taken, whatever a token says of itself.
         * Default RS256,ES256,EdDSA.
         * Command: `--jwt-algorithm`, `RINGMQ_JWT_ALGORITHM`, `jwtAlgorithm`.
         */
        algorithms?: readonly string[] | undefined;
        /**
         * How far the issuer's clock may be from this machine's.
         * Seconds, 0s to 5m. Default 30 (30s).
         * Command: `--jwt-clock-tolerance`, `RINGMQ_JWT_CLOCK_TOLERANCE`, `jwtClockTolerance`.
         */
        clockToleranceSeconds?: number | undefined;
        /**
         * Claim with the name of the user.
         * Default sub.
         * Command: `--jwt-user-claim`, `RINGMQ_JWT_USER_CLAIM`, `jwtUserClaim`.
         */
        userClaim?: string | undefined;
        /**
         * Claim with names of roles, a list or one text with blanks; `a.b` is `b` inside of `a`. Without it and
         * `jwt.grantsClaim` in a token its user has the rights it has in the table of users.
         * Default roles.
         * Command: `--jwt-roles-claim`, `RINGMQ_JWT_ROLES_CLAIM`, `jwtRolesClaim`.
         */
        rolesClaim?: string | undefined;
        /**
         * Claim with rights, a list or one text with blanks, each like `publish:topic:orders`.
         * Default grants.
         * Command: `--jwt-grants-claim`, `RINGMQ_JWT_GRANTS_CLAIM`, `jwtGrantsClaim`.
         */
        grantsClaim?: string | undefined;
      }
    | undefined;
  /**
   * Serve other hosts without credentials: everybody who reaches the port may read, write and delete.
   * Default false.
   * Command: `--insecure`, `RINGMQ_INSECURE`, `insecure`.
   */
  insecure?: boolean | undefined;
  /**
   * Connections at once, of all listener threads together. More are refused with `TOO_MANY_CONNECTIONS`.
   * A number, 1 to 1,000,000. Default 10,000.
   * Command: `--max-connections`, `RINGMQ_MAX_CONNECTIONS`, `maxConnections`.
   */
  maxConnections?: number | undefined;
  /**
   * Connections at once of one address, of IPv6 of one /64, on all listener threads together. More are
   * refused with `TOO_MANY_CONNECTIONS`. All that come through a proxy have its address. 0: no limit.
   * A number, 0 to 1,000,000. Default 0.
   * Command: `--max-connections-per-address`, `RINGMQ_MAX_CONNECTIONS_PER_ADDRESS`,
   * `maxConnectionsPerAddress`.
   */
  maxConnectionsPerAddress?: number | undefined;
  /**
   * New connections a second of one address, five seconds of them at once, on all listener threads together.
   * More are refused with `TOO_MANY_CONNECTIONS`. 0: no limit.
   * A number, 0 to 1,000,000. Default 0.
   * Command: `--max-handshakes-per-address`, `RINGMQ_MAX_HANDSHAKES_PER_ADDRESS`, `maxHandshakesPerAddress`.
   */
  maxHandshakesPerAddress?: number | undefined;
  /**
   * Bytes of messages a second that all connections of one user send together, and as many that they are
   * sent; a second of them at once, and a window. Who is faster gets its credit later, and is refused
   * nothing. Where nobody logs in there are no users. 0: no limit.
   * A number, 0, or 1,024 and more, at most 1,099,511,627,776. Default 0.
   * Command: `--user-bytes-per-second`, `RINGMQ_USER_BYTES_PER_SECOND`, `userBytesPerSecond`.
   */
  userBytesPerSecond?: number | undefined;
  /**
   * The same for messages.
   * A number, 0 to 1,000,000,000. Default 0.
   * Command: `--user-messages-per-second`, `RINGMQ_USER_MESSAGES_PER_SECOND`, `userMessagesPerSecond`.
   */
  userMessagesPerSecond?: number | undefined;
  /**
   * A connection that shows no sign of life for so long, though it is asked for one, is closed. 0: never.
   * Seconds, 0, or 8s to 16m. Default 120 (2m).
   * Command: `--idle-timeout`, `RINGMQ_IDLE_TIMEOUT`, `idleTimeout`.
   */
  idleTimeoutSeconds?: number | undefined;
  /**
   * A message of a client must have ended so long after it began, and a ping of the broker be answered; else
   * the connection is cut off.
   * Milliseconds, 100ms to 1h. Default 60,000 (1m).
   * Command: `--message-timeout`, `RINGMQ_MESSAGE_TIMEOUT`, `messageTimeout`.
   */
  messageTimeoutMs?: number | undefined;
  /**
   * Bytes of messages that have not ended, of all connections together; beyond it the connection that holds
   * most is cut off. The `ws` listener counts them; `uws` cannot see them, and bounds each connection and
   * its time.
   * Bytes, 8MiB to 1TiB. Default 536,870,912 (512MiB).
   * Command: `--max-partial-size`, `RINGMQ_MAX_PARTIAL_SIZE`, `maxPartialSize`.
   */
  maxPartialBytes?: number | undefined;
  /**
   * Bytes sent to clients and not read by them, of all connections together; beyond it the connection that
   * leaves most unread is cut off. One connection may leave 16 MiB of answers and acks.
   * Bytes, 32MiB to 1TiB. Default 1,073,741,824 (1GiB).
   * Command: `--max-unread-size`, `RINGMQ_MAX_UNREAD_SIZE`, `maxUnreadSize`.
   */
  maxUnreadBytes?: number | undefined;
  /**
   * HTTP requests to the API under way at once, polls that wait and streams of events among them. More are
   * refused with `TOO_MANY_REQUESTS`.
   * A number, 1 to 100,000. Default 1,024.
   * Command: `--max-http-requests`, `RINGMQ_MAX_HTTP_REQUESTS`, `maxHttpRequests`.
   */
  maxHttpRequests?: number | undefined;
  /**
   * The same of one address. Behind a proxy all have its address.
   * A number, 1 to 100,000. Default 256.
   * Command: `--max-http-requests-per-address`, `RINGMQ_MAX_HTTP_REQUESTS_PER_ADDRESS`,
   * `maxHttpRequestsPerAddress`.
   */
  maxHttpRequestsPerAddress?: number | undefined;
  /**
   * With `auth`: `GET /metrics` is for users that may manage the cluster, by the same `Authorization` as the
   * HTTP API.
   * Default false.
   * Command: `--metrics-auth`, `RINGMQ_METRICS_AUTH`, `metricsAuth`.
   */
  metricsAuth?: boolean | undefined;
  /**
   * Rows in `GET /metrics` for how far groups are behind: pairs of group and topic, at most, the first in
   * the order of their names. 0: none.
   * A number, 0 to 10,000. Default 200.
   * Command: `--group-metrics`, `RINGMQ_GROUP_METRICS`, `groupMetrics`.
   */
  groupMetrics?: number | undefined;
  /**
   * Rows in `GET /metrics` for each queue and for each group's lag on it, too: up to 5,000 of each.
   * Default false.
   * Command: `--queue-metrics`, `RINGMQ_QUEUE_METRICS`, `queueMetrics`.
   */
  queueMetrics?: boolean | undefined;
}
