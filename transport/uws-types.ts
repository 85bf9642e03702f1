/**
 * The part of uWebSockets.js that is used here. The package is optional, so its own types may be absent at
 * build time.
 */

export interface UwsHttpRequest {
  getHeader(lowerCaseName: string): string;
  getUrl(): string;
  getMethod(): string;
  forEach(callback: (lowerCaseName: string, value: string) => void): void;
  getQuery(): string;
}

export interface UwsHttpResponse {
  writeStatus(status: string): UwsHttpResponse;
  writeHeader(name: string, value: string): UwsHttpResponse;
  end(body: string | Uint8Array, closeConnection: boolean): UwsHttpResponse;
  /** Of an answer to HEAD. */
  endWithoutBody(reportedContentLength: number, closeConnection: boolean): UwsHttpResponse;
  /** Gives the kernel what it takes and keeps nothing; `[all was given, it is over]`. */
  tryEnd(body: Uint8Array, totalBytes: number): [boolean, boolean];
  /** Called with the number of bytes given so far; true: they were all that fitted. */
  onWritable(handler: (offset: number) => boolean): UwsHttpResponse;
  getWriteOffset(): number;
  /** Gives one chunk, and keeps a copy of what the kernel does not take; false: it keeps some. */
  write(chunk: Uint8Array): boolean;
  /** The bytes are gone when the handler returns. */
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): UwsHttpResponse;
  pause(): void;
  resume(): void;
  getRemoteAddressAsText(): ArrayBuffer;
  close(): UwsHttpResponse;
  onAborted(handler: () => void): UwsHttpResponse;
  cork(callback: () => void): UwsHttpResponse;
  upgrade(userData: object, key: string, protocol: string, extensions: string, context: unknown): void;
}

export interface UwsWebSocket<UserData> {
  send(message: Uint8Array, isBinary: boolean, compress: boolean): number;
  getBufferedAmount(): number;
  end(code: number, reason: string): void;
  close(): void;
  cork(callback: () => void): unknown;
  getRemoteAddressAsText(): ArrayBuffer;
  getUserData(): UserData;
}

export interface UwsBehavior<UserData> {
  maxPayloadLength: number;
  maxBackpressure: number;
  idleTimeout: number;
  compression: number;
  sendPingsAutomatically: boolean;
  upgrade(response: UwsHttpResponse, request: UwsHttpRequest, context: unknown): void;
  open(peer: UwsWebSocket<UserData>): void;
  message(peer: UwsWebSocket<UserData>, message: ArrayBuffer, isBinary: boolean): void;
  ping(peer: UwsWebSocket<UserData>): void;
  pong(peer: UwsWebSocket<UserData>): void;
  drain(peer: UwsWebSocket<UserData>): void;
  close(peer: UwsWebSocket<UserData>): void;
}

export interface UwsApp {
  any(pattern: string, handler: (response: UwsHttpResponse, request: UwsHttpRequest) => void): UwsApp;
  ws<UserData>(pattern: string, behavior: UwsBehavior<UserData>): UwsApp;
  listen(host: string, port: number, callback: (socket: unknown) => void): UwsApp;
  close(): UwsApp;
}

export interface UwsModule {
  App(): UwsApp;
  SSLApp(options: { key_file_name: string; cert_file_name: string }): UwsApp;
  us_socket_local_port(socket: unknown): number;
  us_listen_socket_close(socket: unknown): void;
  DISABLED: number;
}
