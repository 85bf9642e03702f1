export { ControlPlane } from './control-plane.js';
