/** Of a certificate with its chain, a key, or all authorities of a machine. */
export declare const MAX_PEM_BYTES: number;
/** Throws what the system says of a file that cannot be read, and an Error with a sentence for one that has over `maxBytes`, or is a pipe that nobody writes to. */
export declare function readSmallFile(path: string, maxBytes: number, pipeMs?: number): Buffer;
/** What stdin has. It is waited for as long as it takes: a person may be typing. */
export declare function readSmallStdin(maxBytes: number): Buffer;
