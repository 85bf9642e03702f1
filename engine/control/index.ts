export type { ControlCaller } from './channel-messages.js';
export { ControlPlane, type ControlPlaneOptions } from './control-plane.js';
