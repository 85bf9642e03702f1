/** Message ids: 16 hex digits of broker id, 14 of log position, 4 of the record's number in its batch. */

/** The last four digits, made when first needed: batches are far smaller than they may be. */
const NUMBER_DIGITS: string[] = [];

function numberDigits(index: number): string {
  while (NUMBER_DIGITS.length <= index) {
    NUMBER_DIGITS.push(NUMBER_DIGITS.length.toString(16).padStart(4, '0'));
  }
  return NUMBER_DIGITS[index] as string;
}

/** The part that all messages of one batch share. */
export function messageIdPrefix(brokerId: string, memory: boolean, position: number): string {
  return (memory ? 'm' : '') + brokerId + position.toString(16).padStart(14, '0');
}

/** The id of the batch's record number `index`. */
export function messageId(prefix: string, index: number): string {
  return prefix + (NUMBER_DIGITS[index] ?? numberDigits(index));
}

/** What a message id says. */
export interface MessagePlace {
  readonly memory: boolean;
  readonly brokerId: string;
  /** Log position of its batch, in bytes. */
  readonly position: number;
  /** Its number in the batch. */
  readonly index: number;
}

/** undefined for what is no message id. */
export function parseMessageId(id: string): MessagePlace | undefined {
  const match = /^(m?)([0-9a-f]{16})([0-9a-f]{14})([0-9a-f]{4})$/.exec(id);
  if (match === null) {
    return undefined;
  }
  const [, memory, brokerId = '', position = '', index = ''] = match;
  const place = Number.parseInt(position, 16);
  if (!Number.isSafeInteger(place)) {
    return undefined;
  }
  return { memory: memory === 'm', brokerId, position: place, index: Number.parseInt(index, 16) };
}
