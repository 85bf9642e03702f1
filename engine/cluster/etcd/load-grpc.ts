/** gRPC and protocol buffers are optional peers: only a broker with `--controller` wants them, and they are as large as all the rest. */
import { RingMQError } from '../../../native-free/wire/index.js';
import { buildCodecs, type EtcdMethod, type MethodCodec } from './etcd-proto.js';
import type { Grpc, Protobuf } from './grpc-types.js';

export interface EtcdParts {
  grpc: Grpc;
  codecs: Record<EtcdMethod, MethodCodec>;
}

/** Not written into `import`: compilers and bundlers would want what most do not have. */
const PACKAGES: readonly string[] = ['@grpc/grpc-js', 'protobufjs'];

let loaded: Promise<EtcdParts> | undefined;

/** Throws BAD_CONFIG that says which packages to install where they are missing. */
export function loadEtcdParts(): Promise<EtcdParts> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<EtcdParts> {
  try {
    const [grpc, protobuf] = (await Promise.all(PACKAGES.map((name) => import(name)))) as [
      Grpc,
      { default: Protobuf },
    ];
    return { grpc, codecs: buildCodecs(protobuf.default) };
  } catch (cause) {
    throw new RingMQError(
      'BAD_CONFIG',
      'a controller in etcd needs two packages that are not installed with RingMQ; run npm install @grpc/grpc-js@1 protobufjs@7',
      { cause },
    );
  }
}
