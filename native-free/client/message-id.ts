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
