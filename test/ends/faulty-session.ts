/** Loaded into every thread of a process (`--import`): a session that is handed a batch throws. */
import { ProduceSession } from '../../transport/produce-session.js';

ProduceSession.prototype.onFrame = () => {
  throw new TypeError('a defect of the session');
};
