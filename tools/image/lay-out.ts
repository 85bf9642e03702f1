/** Copies the published package and the packages it runs on into one folder, without what only people and compilers read. */
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { transformSync } from 'esbuild';
import { type PackageLock, productionPackages } from './production-packages.js';

/** What a controller in etcd needs; optional for those who install the package, and there in an image. */
const BESIDE = ['@grpc/grpc-js', 'protobufjs'] as const;

/** Types, maps and pages, tests, what builds and tests them, and what is made for browsers and small once more. Licences stay. */
const LEFT_OUT =
  /\.(map|[cm]?ts|md|markdown|flow|tsbuildinfo|gyp|ico|sh|taprc|yml)$|\.(spec|fc\.spec|min|umd)\.js$/i;
/** Folders of packages that no program loads. */
const LEFT_OUT_FOLDERS = new Set([
  ...['test', 'tests', 'docs', 'doc', 'example', 'examples', 'benchmark', 'benchmarks', 'bench', '.github'],
]);
/** What a package has twice, and Node loads from elsewhere in it when RingMQ imports it. */
const LEFT_OUT_OF: Readonly<Record<string, RegExp>> = {
  'node_modules/msgpackr': /^\/dist\/(?!node\.cjs)|\/rollup/,
  'node_modules/pino': /^\/browser\.js$/,
  'node_modules/pako': /^\/dist\//,
  'node_modules/protobufjs': /^\/(dist|cli)\//,
  'node_modules/zod': /\.cjs$|^\/(v3|src|mini|v4-mini|v4\/mini)\//,
};
/** Only commands of packages need the one, and no pool is given a lower priority by the other. */
const LEFT_OUT_PACKAGES = ['yargs', '@napi-rs/nice'];
/** Of the package itself: `deploy` and `docs` are for people. */
const OWN = new Set(['dist', 'package.json', 'LICENSE']);

export interface ImageLayout {
  /** Where package-lock.json and node_modules lie. */
  root: string;
  /** The unpacked tarball of `npm pack`. */
  packed: string;
  /** Emptied, then filled. */
  target: string;
}

/** @returns how many bytes the files have together */
export function layOutImage({ root, packed, target }: ImageLayout): number {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(packed).filter((each) => OWN.has(each))) {
    cpSync(join(packed, name), join(target, name), {
      recursive: true,
      filter: (path) => !LEFT_OUT.test(path),
    });
  }
  rewrite(join(target, 'dist'), withoutComments);
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as PackageLock;
  for (const path of productionPackages(lock, BESIDE, LEFT_OUT_PACKAGES)) {
    const from = join(root, path);
    if (existsSync(from)) {
      copyPackage(from, join(target, path), LEFT_OUT_OF[path]);
    }
  }
  rewrite(join(target, 'node_modules'), squeezed);
  return sizeOf(target);
}

/** Does that to each file of code in a folder. */
function rewrite(folder: string, change: (code: string) => string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    if (/\.[cm]?js$/.test(name) && lstatSync(path).isFile()) {
      writeFileSync(path, change(readFileSync(path, 'utf8')));
    }
  }
}

/** Without comments and blanks: the packages' code. */
function squeezed(code: string): string {
  return transformSync(code, { minifyWhitespace: true, legalComments: 'none' }).code;
}

/**
 * RingMQ's own code without the comments that have lines of their own, which become empty ones: its lines stay what its
 * reports say. What looks like a comment may be part of a text; then all of the file stays as it is.
 */
function withoutComments(code: string): string {
  let isInside = false;
  const lines = code.split('\n').map((line) => {
    const begins = !isInside && /^\s*\/\*/.test(line);
    isInside = (isInside || begins) && !line.includes('*/');
    if (isInside || /^\s*\/\//.test(line)) {
      return '';
    }
    return begins || /^\s*\*/.test(line) ? line.replace(/^.*?\*\//, '') : line;
  });
  const shorter = lines.join('\n');
  return squeezed(shorter) === squeezed(code) ? shorter : code;
}

function copyPackage(from: string, to: string, leftOut: RegExp | undefined): void {
  cpSync(from, to, {
    recursive: true,
    dereference: true,
    filter: (path) => {
      const below = path.slice(from.length);
      if (below === '') {
        return true;
      }
      // Packages below it are in the lock file themselves, if they are needed.
      const isFolder = lstatSync(path).isDirectory();
      const name = basename(path);
      return isFolder
        ? name !== 'node_modules' && !LEFT_OUT_FOLDERS.has(name) && isForHere(below)
        : !LEFT_OUT.test(name) && leftOut?.test(below) !== true;
    },
  });
}

/** Prebuilt native parts lie in folders named after their machine: `prebuilds/linux-x64`. */
function isForHere(below: string): boolean {
  const machine = /^\/prebuilds\/([^/]+)$/.exec(below)?.[1];
  return machine === undefined || machine.split('+').includes(`${process.platform}-${process.arch}`);
}

function sizeOf(path: string): number {
  const stat = lstatSync(path);
  return stat.isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
    : stat.size;
}
