import type { ListenerKind } from '../../native-free/listener/types.js';

/** `RINGMQ_LISTENER=ws` is how the tests run where no native add-on loads. */
export const KINDS: ListenerKind[] = process.env['RINGMQ_LISTENER'] === 'ws' ? ['ws'] : ['uws', 'ws'];
