/** How a connection is made and kept. */
import type { Welcome } from '../../wire/index.js';
import type { ClientOptions } from '../types.js';

/** What only those inside say who make connections. */
export interface ConnectionOptions extends ClientOptions {
  /** Nothing but its owner ends it: whatever a try fails with, there is another one. */
  isPatient?: boolean;
  /** Throws what is wrong with whoever answers: the link is of no use then. */
  check?: (welcome: Welcome) => void;
  /** A name server may answer, which has no users. Default: none may in place of a broker that has. */
  mayBeNameServer?: boolean;
  /** Batches may be sent to whoever answers. Default: always. */
  mayProduce?: (welcome: Welcome) => boolean;
  /** A try has failed, and there will be another one. */
  onTrouble?: () => void;
  onTopicChanged?: (topic: string) => void;
  /** An event that is no consumer's, other than a changed topic. */
  onEvent?: (event: Record<string, unknown>) => void;
}
