/**
 * Room for numbers that are worked with in one turn and kept by nobody. A typed array of its own
 * costs some four microseconds, as much as filling it with a thousand numbers, and a query of a
 * warm index would make fifty of them.
 */

interface Room<T> {
  readonly length: number;
  subarray(from: number, to: number): T;
}

const leastLength = 256;
/** What takes longer to fill is worth an array of its own, and would be kept for nothing. */
const keptLengthMax = 32 * 1_024;

/**
 * Where some code takes its arrays of so many numbers from: the same memory again and again, so
 * that an array is good until the next is taken, and holds what was in the last. Longer ones than
 * `keptLengthMax` are not kept: all of it together stays within some megabytes.
 */
export function scratch<T extends Room<T>>(make: (length: number) => T): (length: number) => T {
  let room = make(0);
  return (length) => {
    if (length > keptLengthMax) return make(length);
    if (length > room.length) {
      room = make(Math.min(keptLengthMax, Math.max(leastLength, 2 * room.length, length)));
    }
    return room.subarray(0, length);
  };
}
