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

/**
 * Where some code takes its array of so many numbers from: always the same memory, as large as what
 * was asked for at most. An array is good until the next is taken, and holds what was in the last.
 */
export function scratch<T extends Room<T>>(make: (length: number) => T): (length: number) => T {
  let room = make(0);
  return (length) => {
    if (length > room.length) room = make(Math.max(leastLength, 2 * room.length, length));
    return room.subarray(0, length);
  };
}
