export type { ControlCaller } from './channel-messages.js';
export { ControlPlane } from './control-plane.js';
export type { ControlPlaneOptions } from './control-plane-options.js';
