/** `npm run build`: the dashboard's page, for brokers to serve. */
import { bundleDashboard, removeOthers } from './bundle.js';

removeOthers(await bundleDashboard());
