/** Which room may import which, read from the sources: no arrow runs back up, and rooms form no circle. */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Every room with those it may import. A folder that is not named belongs to the nearest one above it that is. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  'native-free/wire': [],
  'native-free/time': [],
  'native-free/files': [],
  'native-free/checksum': [],
  'native-free/batch': ['native-free/wire', 'native-free/checksum'],
  'native-free/client': ['native-free/time', 'native-free/wire', 'native-free/batch'],
  'native-free/listener': ['native-free/time', 'native-free/files', 'native-free/wire'],
  'native-free/dashboard': [
    'native-free/time',
    'native-free/wire',
    'native-free/batch',
    'native-free/client',
  ],
  engine: [
    'native-free/time',
    'native-free/files',
    'native-free/wire',
    'native-free/checksum',
    'native-free/batch',
  ],
  transport: ['native-free/time', 'native-free/wire', 'native-free/batch', 'native-free/listener', 'engine'],
  broker: [
    'native-free/time',
    'native-free/files',
    'native-free/wire',
    'native-free/client',
    'native-free/listener',
    'native-free/dashboard',
    'engine',
    'transport',
  ],
  cli: [
    'native-free/time',
    'native-free/files',
    'native-free/wire',
    'native-free/client',
    'native-free/listener',
    'engine',
    'broker',
  ],
};

/** The engine's rooms, from the ground up: one imports only those before it. */
const ENGINE_FLOORS = [
  'engine/batch',
  'engine/disk',
  'engine/stats',
  'engine/ring',
  'engine/term',
  'engine/queue',
  'engine/log',
  'engine/replica',
  'engine/meta',
  'engine/access',
  'engine/group',
  'engine/persist',
  'engine/lane',
  'engine/control',
  'engine/cluster',
  'engine/thread',
  'engine/find',
  'engine/data',
  'engine/set',
];
/** Declarations that lie at the engine's top and that its rooms use. */
const ENGINE_COMMON = [
  'engine/address.ts',
  'engine/controller-url.ts',
  'engine/engine-thread.ts',
  'engine/handle.ts',
  'engine/nearest.ts',
  'engine/option-check.ts',
  'engine/option-info.ts',
  'engine/options.ts',
  'engine/options-types.ts',
];

interface Arrow {
  from: string;
  to: string;
}

const files = Object.keys(MAY_IMPORT).flatMap((room) =>
  readdirSync(`${ROOT}/${room}`, { recursive: true, encoding: 'utf8' }).map((name) => `${room}/${name}`),
);
const arrows: Arrow[] = files.filter((name) => name.endsWith('.ts')).flatMap(importsOf);

function importsOf(from: string): Arrow[] {
  const text = readFileSync(`${ROOT}/${from}`, 'utf8');
  return [...text.matchAll(/(?:from|import\() ?'(\.[^']+)\.js'/g)].map((match) => ({
    from,
    to: `${posix.join(posix.dirname(from), match[1] as string)}.ts`,
  }));
}

function roomOf(file: string, rooms: readonly string[]): string | undefined {
  return rooms.find((room) => file.startsWith(`${room}/`));
}

function told(found: readonly Arrow[]): string[] {
  return found.map(({ from, to }) => `${from} → ${to}`);
}

describe('rooms', () => {
  const rooms = Object.keys(MAY_IMPORT);

  it('are there, with what they import', () => {
    // Those that import nothing may have one file alone.
    const seen = arrows.flatMap(({ from, to }) => [from, to]);
    expect(rooms.filter((room) => !seen.some((file) => file.startsWith(`${room}/`)))).toEqual([]);
  });

  it('have sources alone: what is compiled lies in dist', () => {
    expect(files.filter((name) => /\.(js|map)$/.test(name))).toEqual([]);
  });

  it('import only what they may', () => {
    const forbidden = arrows.filter(({ from, to }) => {
      const [here, there] = [roomOf(from, rooms) as string, roomOf(to, rooms)];
      return there !== here && (there === undefined || !MAY_IMPORT[here]?.includes(there));
    });
    expect(told(forbidden)).toEqual([]);
  });

  it('transport knows one file of the engine', () => {
    const others = arrows.filter(
      ({ from, to }) =>
        from.startsWith('transport/') && to.startsWith('engine/') && to !== 'engine/engine-thread.ts',
    );
    expect(told(others)).toEqual([]);
  });

  it("the engine's rooms stand on each other in one order", () => {
    const upwards = arrows.filter(({ from, to }) => {
      const here = ENGINE_FLOORS.findIndex((room) => from.startsWith(`${room}/`));
      if (here < 0 || !to.startsWith('engine/') || ENGINE_COMMON.includes(to)) {
        return false;
      }
      const there = ENGINE_FLOORS.findIndex((room) => to.startsWith(`${room}/`));
      return there < 0 || there > here;
    });
    expect(told(upwards)).toEqual([]);
  });

  it("what the engine's rooms share knows none of the rooms above the tables", () => {
    const grounds = ['engine/disk', 'engine/ring', 'engine/queue'];
    const upwards = arrows.filter(
      ({ from, to }) =>
        ENGINE_COMMON.includes(from) &&
        to.startsWith('engine/') &&
        !ENGINE_COMMON.includes(to) &&
        !grounds.some((room) => to.startsWith(`${room}/`)),
    );
    expect(told(upwards)).toEqual([]);
  });

  it('files import each other in no circle', () => {
    expect(circles(arrows)).toEqual([]);
  });
});

/** One circle for each group of files that reach each other. */
function circles(all: readonly Arrow[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of all) {
    next.set(from, [...(next.get(from) ?? []), to]);
  }
  const done = new Set<string>();
  const path: string[] = [];
  const found: string[] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      found.push([...path.slice(at), file].join(' → '));
      return;
    }
    if (done.has(file)) {
      return;
    }
    path.push(file);
    for (const to of next.get(file) ?? []) {
      visit(to);
    }
    path.pop();
    done.add(file);
  };
  for (const file of next.keys()) {
    visit(file);
  }
  return found;
}
