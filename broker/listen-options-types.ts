// Written by `npm run docs:options` from the schema beside it. Change the schema, not this file.

/** Options of `broker.listen()`. All of them may be left out. */
export interface ListenOptions {
  /**
   * Address to listen on. Other than loopback it is refused until authentication is set up, or `insecure` is
   * said.
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
   * A connection that shows no sign of life for so long, though it is asked for one, is closed. 0: never.
   * Seconds, 0, or 8s to 16m. Default 120 (2m).
   * Command: `--idle-timeout`, `RINGMQ_IDLE_TIMEOUT`, `idleTimeout`.
   */
  idleTimeoutSeconds?: number | undefined;
}
