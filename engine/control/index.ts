export type { ControlCaller } from './control-channel.js';
export { ControlPlane, type ControlPlaneOptions } from './control-plane.js';
