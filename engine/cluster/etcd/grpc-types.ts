/** The little of `@grpc/grpc-js` and `protobufjs` that is used. They are optional peers, so the build cannot rely on their own types. */

import type { SecureContext } from 'node:tls';

export interface GrpcCall {
  cancel(): void;
}

export interface GrpcFailure {
  code?: number;
  details?: string;
  message: string;
}

export interface GrpcStream extends GrpcCall {
  write(request: object): unknown;
  on(event: 'data', listener: (answer: Record<string, unknown>) => void): unknown;
  on(event: 'error', listener: (error: GrpcFailure) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
}

type Encode = (request: object) => Buffer;
type Decode = (bytes: Buffer) => Record<string, unknown>;

export interface GrpcChannel {
  makeUnaryRequest(
    path: string,
    encode: Encode,
    decode: Decode,
    request: object,
    metadata: GrpcMetadata,
    done: (error: GrpcFailure | null, answer?: Record<string, unknown>) => void,
  ): GrpcCall;
  makeBidiStreamRequest(path: string, encode: Encode, decode: Decode, metadata: GrpcMetadata): GrpcStream;
  close(): void;
}

export interface GrpcMetadata {
  set(key: string, value: string): void;
}

export interface Grpc {
  credentials: { createFromSecureContext(context: SecureContext): object; createInsecure(): object };
  Metadata: new () => GrpcMetadata;
  Client: new (address: string, credentials: object, options: Record<string, number>) => GrpcChannel;
}

export interface ProtoType {
  fromObject(value: object): object;
  toObject(message: object, options: object): Record<string, unknown>;
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
}

export interface Protobuf {
  parse(source: string, options: { keepCase: boolean }): { root: { lookupType(name: string): ProtoType } };
}
