/** Serves the page, and a broker that lets it in: any page of the web can reach a port on loopback, so origins are allowed by name. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { openBroker } from 'ringmq';

const page = readFileSync(new URL('../../../examples/browser/index.html', import.meta.url));
const bundle = await build({
  entryPoints: [fileURLToPath(new URL('./page.js', import.meta.url))],
  bundle: true,
  write: false,
  format: 'esm',
});
const script = bundle.outputFiles[0]?.text;

const server = createServer((request, response) => {
  const isScript = request.url === '/page.js';
  response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
  response.end(isScript ? script : page);
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const broker = await openBroker({ dataDir: './example-data' });
const { url } = await broker.listen({ port: 0, allowedOrigins: [origin] });
console.log(`open ${origin}/?broker=${encodeURIComponent(url)} in two windows; Ctrl-C ends it`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
    void broker.close();
  });
}
