/** A connection's socket that counts what is sent. */
import type { Socket } from '../native-free/listener/types.js';

export class CountedSocket implements Socket {
  readonly remote: string;
  readonly certifiedUser: string | null;
  sentBytes = 0;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.remote = socket.remote;
    this.certifiedUser = socket.certifiedUser ?? null;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  send(frame: Uint8Array): void {
    this.sentBytes += frame.length;
    this.#socket.send(frame);
  }

  cork(fn: () => void): void {
    this.#socket.cork(fn);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  cut(): void {
    this.#socket.cut();
  }
}
