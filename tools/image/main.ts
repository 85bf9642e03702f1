/** Puts together what an image holds of RingMQ: `node dist/tools/image/main.js PACKED TARGET`. */
import { fileURLToPath } from 'node:url';
import { layOutImage } from './lay-out.js';

const [packed, target] = process.argv.slice(2);
if (packed === undefined || target === undefined) {
  process.stderr.write('name the unpacked package, and the folder to fill\n');
  process.exit(2);
}
const root = fileURLToPath(new URL('../../..', import.meta.url));
const bytes = layOutImage({ root, packed, target });
process.stdout.write(`${(bytes / 1e6).toFixed(1)} MB in ${target}\n`);
