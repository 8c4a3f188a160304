/** Unpredictable bytes from the runtime, which gives at most 65,536 of them a call. */
import type { Random } from "../../src/ports.ts";

const bytesPerCallMax = 65_536;

export const systemRandom: Random = {
  bytes(length) {
    const bytes = new Uint8Array(length);
    for (let start = 0; start < length; start += bytesPerCallMax) {
      crypto.getRandomValues(bytes.subarray(start, start + bytesPerCallMax));
    }
    return bytes;
  },
};
