/** Options with which a broker opens fast and takes little memory. */
export const SMALL = {
  ringBytes: 1024 * 1024,
  memoryRingBytes: 1024 * 1024,
  spanBytes: 256 * 1024,
  segmentBytes: 1024 * 1024,
};
