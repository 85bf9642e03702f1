/**
 * Bundles the dashboard's page: `index.html`, and scripts and styles named by what is in them, each as it is
 * and compressed. What the page imports of the library comes from the built files, as a web program has it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const PAGE = join(ROOT, 'native-free/dashboard/page');
/** Where the broker looks for it. */
export const BUNDLE_DIR = join(ROOT, 'dist/native-free/dashboard');

/**
 * An import that leaves the page's folder leads to the built file, which is looked up as any other: by itself a plugin's
 * answer would not say that the package's files have no side effects, and whoever came to a file first decided.
 */
const fromBuilt: Plugin = {
  name: 'from-built',
  setup(context) {
    context.onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir, kind }) => {
      const target = resolve(resolveDir, path);
      const isOutside = resolveDir.startsWith(PAGE) && !target.startsWith(`${PAGE}/`);
      const built = join(ROOT, 'dist', relative(ROOT, target));
      return isOutside ? context.resolve(built, { kind, resolveDir: ROOT }) : null;
    });
  },
};

/** Makes it anew. Resolves with the names of its files in `assets/`. */
export async function bundleDashboard(): Promise<string[]> {
  const result = await build({
    // Names of files are in what their hash is made of.
    absWorkingDir: ROOT,
    entryPoints: { app: join(PAGE, 'main.tsx') },
    outdir: join(BUNDLE_DIR, 'assets'),
    entryNames: '[name]-[hash]',
    bundle: true,
    write: false,
    minify: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'silent',
    plugins: [fromBuilt],
  });
  const assets = join(BUNDLE_DIR, 'assets');
  mkdirSync(assets, { recursive: true });
  const names = result.outputFiles.map(({ path, contents }) => {
    const file = join(assets, basename(path));
    place(file, contents);
    place(`${file}.gz`, gzipSync(contents, { level: 9 }));
    place(
      `${file}.br`,
      brotliCompressSync(contents, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: contents.length } }),
    );
    return basename(path);
  });
  const html = readFileSync(join(PAGE, 'index.html'), 'utf8')
    .replace('SCRIPT', `./assets/${names.find((name) => name.endsWith('.js'))}`)
    .replace('STYLE', `./assets/${names.find((name) => name.endsWith('.css'))}`);
  place(join(BUNDLE_DIR, 'index.html'), html);
  return names;
}

/** Files of an earlier bundle go. Nobody else may be bundling. */
export function removeOthers(names: readonly string[]): void {
  const assets = join(BUNDLE_DIR, 'assets');
  for (const name of readdirSync(assets)) {
    if (!names.some((each) => name.startsWith(each))) {
      rmSync(join(assets, name), { force: true });
    }
  }
}

/** Whole or not at all: others may be reading. */
function place(file: string, contents: Uint8Array | string): void {
  if (existsSync(file) && Buffer.from(contents).equals(readFileSync(file))) {
    return;
  }
  const aside = `${file}.${process.pid}`;
  writeFileSync(aside, contents);
  renameSync(aside, file);
}
