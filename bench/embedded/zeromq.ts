/** ZeroMQ's figure comes from a program of its own, in C; this is where the comparison asks for it. */

/** Messages of 100 B a second between two threads over `inproc`; null while there is no program for it. */
export async function measureZeromqInproc(): Promise<number | null> {
  return null;
}
