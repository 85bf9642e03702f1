export { type ControlCaller, ControlPlane, type ControlPlaneOptions } from './control-plane.js';
