/** An Error that says why a WebSocket was closed. */
export function describeClose(code: number, reason: string): Error {
  return new Error(`the WebSocket was closed (${code}${reason === '' ? '' : `: ${reason}`})`);
}
