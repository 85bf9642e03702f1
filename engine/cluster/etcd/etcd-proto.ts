/**
 * The part of etcd's version 3 interface that this client uses, written down from etcd's public protocol:
 * names, numbers and types are etcd's, fields that are not used are left out (a reader of protocol buffers
 * passes over what it does not know).
 */
import type { Protobuf, ProtoType } from './grpc-types.js';

const ETCD_PROTO = `
syntax = "proto3";

message ResponseHeader { uint64 cluster_id = 1; uint64 member_id = 2; int64 revision = 3; uint64 raft_term = 4; }
message KeyValue {
  bytes key = 1; int64 create_revision = 2; int64 mod_revision = 3; int64 version = 4; bytes value = 5; int64 lease = 6;
}

message RangeRequest { bytes key = 1; bytes range_end = 2; int64 limit = 3; int64 revision = 4; }
message RangeResponse { ResponseHeader header = 1; repeated KeyValue kvs = 2; bool more = 3; int64 count = 4; }

message PutRequest { bytes key = 1; bytes value = 2; int64 lease = 3; }
message PutResponse { ResponseHeader header = 1; }

message DeleteRangeRequest { bytes key = 1; bytes range_end = 2; }
message DeleteRangeResponse { ResponseHeader header = 1; int64 deleted = 2; }

message Compare {
  enum Result { EQUAL = 0; GREATER = 1; LESS = 2; NOT_EQUAL = 3; }
  enum Target { VERSION = 0; CREATE = 1; MOD = 2; VALUE = 3; LEASE = 4; }
  Result result = 1;
  Target target = 2;
  bytes key = 3;
  oneof target_union { int64 version = 4; int64 create_revision = 5; int64 mod_revision = 6; bytes value = 7; int64 lease = 8; }
}
message RequestOp {
  oneof request { RangeRequest request_range = 1; PutRequest request_put = 2; DeleteRangeRequest request_delete_range = 3; }
}
message ResponseOp {
  oneof response { RangeResponse response_range = 1; PutResponse response_put = 2; DeleteRangeResponse response_delete_range = 3; }
}
message TxnRequest { repeated Compare compare = 1; repeated RequestOp success = 2; repeated RequestOp failure = 3; }
message TxnResponse { ResponseHeader header = 1; bool succeeded = 2; repeated ResponseOp responses = 3; }

message LeaseGrantRequest { int64 TTL = 1; int64 ID = 2; }
message LeaseGrantResponse { ResponseHeader header = 1; int64 ID = 2; int64 TTL = 3; string error = 4; }
message LeaseRevokeRequest { int64 ID = 1; }
message LeaseRevokeResponse { ResponseHeader header = 1; }
message LeaseKeepAliveRequest { int64 ID = 1; }
message LeaseKeepAliveResponse { ResponseHeader header = 1; int64 ID = 2; int64 TTL = 3; }

message AuthenticateRequest { string name = 1; string password = 2; }
message AuthenticateResponse { ResponseHeader header = 1; string token = 2; }

message WatchRequest {
  oneof request_union { WatchCreateRequest create_request = 1; WatchCancelRequest cancel_request = 2; WatchProgressRequest progress_request = 3; }
}
message WatchCreateRequest { bytes key = 1; bytes range_end = 2; int64 start_revision = 3; }
message WatchCancelRequest { int64 watch_id = 1; }
message WatchProgressRequest {}
message Event { enum EventType { PUT = 0; DELETE = 1; } EventType type = 1; KeyValue kv = 2; }
message WatchResponse {
  ResponseHeader header = 1; int64 watch_id = 2; bool created = 3; bool canceled = 4; int64 compact_revision = 5;
  string cancel_reason = 6; repeated Event events = 11;
}
`;

/** Path, request and answer of each call. */
export const ETCD_METHODS = {
  range: ['/etcdserverpb.KV/Range', 'RangeRequest', 'RangeResponse'],
  put: ['/etcdserverpb.KV/Put', 'PutRequest', 'PutResponse'],
  deleteRange: ['/etcdserverpb.KV/DeleteRange', 'DeleteRangeRequest', 'DeleteRangeResponse'],
  txn: ['/etcdserverpb.KV/Txn', 'TxnRequest', 'TxnResponse'],
  leaseGrant: ['/etcdserverpb.Lease/LeaseGrant', 'LeaseGrantRequest', 'LeaseGrantResponse'],
  leaseRevoke: ['/etcdserverpb.Lease/LeaseRevoke', 'LeaseRevokeRequest', 'LeaseRevokeResponse'],
  leaseKeepAlive: ['/etcdserverpb.Lease/LeaseKeepAlive', 'LeaseKeepAliveRequest', 'LeaseKeepAliveResponse'],
  authenticate: ['/etcdserverpb.Auth/Authenticate', 'AuthenticateRequest', 'AuthenticateResponse'],
  watch: ['/etcdserverpb.Watch/Watch', 'WatchRequest', 'WatchResponse'],
} as const;

export type EtcdMethod = keyof typeof ETCD_METHODS;

/** How one call's request is written and its answer read. */
export interface MethodCodec {
  path: string;
  encode: (request: object) => Buffer;
  /** Numbers of 64 bits come as decimal text: an id of a lease does not fit in a double. */
  decode: (bytes: Buffer) => Record<string, unknown>;
}

export function buildCodecs(protobuf: Protobuf): Record<EtcdMethod, MethodCodec> {
  const { root } = protobuf.parse(ETCD_PROTO, { keepCase: true });
  const codecs: Partial<Record<EtcdMethod, MethodCodec>> = {};
  for (const [method, [path, request, response]] of Object.entries(ETCD_METHODS)) {
    const requestType = root.lookupType(request);
    const responseType = root.lookupType(response);
    codecs[method as EtcdMethod] = {
      path,
      encode: (value) => encode(requestType, value),
      decode: (bytes) =>
        responseType.toObject(responseType.decode(bytes), { longs: String, enums: String, defaults: true }),
    };
  }
  return codecs as Record<EtcdMethod, MethodCodec>;
}

function encode(type: ProtoType, value: object): Buffer {
  return Buffer.from(type.encode(type.fromObject(value)).finish());
}
