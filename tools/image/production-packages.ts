/** Which installed packages a program needs when it runs, by the lock file. */

interface LockedPackage {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

export interface PackageLock {
  /** By path below the root, `node_modules/a/node_modules/b`; the root itself is ''. */
  packages: Record<string, LockedPackage>;
}

/**
 * Paths of the packages that the root depends on and of those in `beside`, with all that these depend on. Types of TypeScript and
 * those in `leftOut` are not among them. An optional one may be missing on the disk: it is for another machine.
 */
export function productionPackages(
  lock: PackageLock,
  beside: readonly string[],
  leftOut: readonly string[] = [],
): string[] {
  const needed = new Set<string>();
  const queue: [from: string, name: string][] = [
    ...namesOf(lock.packages['']).map((name): [string, string] => ['', name]),
    ...beside.map((name): [string, string] => ['', name]),
  ];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const [from, name] = next;
    const path = resolve(lock, from, name);
    if (path === null || needed.has(path) || name.startsWith('@types/') || leftOut.includes(name)) {
      continue;
    }
    needed.add(path);
    queue.push(...namesOf(lock.packages[path]).map((below): [string, string] => [path, below]));
  }
  return [...needed].sort();
}

function namesOf(locked: LockedPackage | undefined): string[] {
  const peers = Object.keys(locked?.peerDependencies ?? {}).filter(
    (name) => locked?.peerDependenciesMeta?.[name]?.optional !== true,
  );
  return [
    ...Object.keys(locked?.dependencies ?? {}),
    ...Object.keys(locked?.optionalDependencies ?? {}),
    ...peers,
  ];
}

/** As Node looks for it: beside the one who asks, then ever further up. Null: it is not in the lock file. */
function resolve(lock: PackageLock, from: string, name: string): string | null {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const path = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (lock.packages[path] !== undefined) {
      return path;
    }
    if (at === '') {
      return null;
    }
  }
}
