/** What a call to etcd failed with, and whether it may have been done nevertheless. */
export class EtcdError extends Error {
  /** gRPC's status, like 14 (unavailable), 4 (deadline exceeded), 5 (not found). */
  readonly status: number;
  /** No answer came: a change that was asked for is done or not, only reading again tells. */
  readonly isUnknown: boolean;

  constructor(message: string, status: number, isUnknown: boolean) {
    super(message);
    this.name = 'EtcdError';
    this.status = status;
    this.isUnknown = isUnknown;
  }
}

export const GRPC_STATUS = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  failedPrecondition: 9,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** The call did not reach a member of etcd that works, or nothing came back: another member may do better. */
export function isOtherMemberWorthTrying(status: number): boolean {
  return (
    status === GRPC_STATUS.unavailable ||
    status === GRPC_STATUS.deadlineExceeded ||
    status === GRPC_STATUS.unknown ||
    status === GRPC_STATUS.cancelled
  );
}

/**
 * A login is wanted before the call, which was not done: the token is none any more (etcd was started again, or its users were changed), or there was none. etcd
 * tells it apart from other faults in the call by its words alone.
 */
export function wantsLogin({ status, message }: EtcdError): boolean {
  return (
    status === GRPC_STATUS.unauthenticated ||
    (status === GRPC_STATUS.invalidArgument && /user name is empty|revision .* is old/.test(message))
  );
}
