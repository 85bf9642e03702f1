/** `npm run build`: the dashboard's page, for brokers to serve. */
import { bundleDashboard } from './bundle.js';

await bundleDashboard();
