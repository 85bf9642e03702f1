/**
 * What stands for one peer where peers are counted: an IPv4 address, or the first 64 bits of an IPv6 one, for whoever has one
 * address there has all that begin so. An IPv4 address that came over IPv6 is the IPv4 one.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) {
    return address;
  }
  const dotted = /^(?:0{0,4}:){2,5}ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (dotted !== undefined) {
    return dotted;
  }
  const groups = groupsOf(address.split('%', 1)[0] as string);
  if (groups === null) {
    return address;
  }
  const [high, low] = [groups[6] as number, groups[7] as number];
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** The eight groups of an IPv6 address; null: it is none. */
function groupsOf(address: string): number[] | null {
  const [before = '', after, more] = address.split('::');
  const parse = (part: string): number[] =>
    part === ''
      ? []
      : part.split(':').map((group) => (/^[\da-f]{1,4}$/i.test(group) ? parseInt(group, 16) : -1));
  const [head, tail] = [parse(before), parse(after ?? '')];
  const missing = 8 - head.length - tail.length;
  const isWhole = after === undefined ? missing === 0 : missing >= 1;
  if (more !== undefined || !isWhole || [...head, ...tail].includes(-1)) {
    return null;
  }
  return [...head, ...Array<number>(missing).fill(0), ...tail];
}
