import { expect, it } from "vitest";
import { scratch } from "../../src/bytes/scratch.ts";

it("gives the same memory again and again, as much as is asked for", () => {
  let made = 0;
  const numbers = scratch((length) => {
    made += 1;
    return new Uint32Array(length);
  });
  made = 0;
  const first = numbers(10).fill(7);
  expect(first).toHaveLength(10);
  const second = numbers(3);
  expect([...second]).toEqual([7, 7, 7]);
  expect(second.buffer).toBe(first.buffer);
  expect(made).toBe(1);
});

it("grows by doubling at least, so that it is made anew seldom", () => {
  let made = 0;
  const numbers = scratch((length) => {
    made += 1;
    return new Float32Array(length);
  });
  for (let length = 1; length <= 32_768; length += 9) numbers(length);
  expect(made).toBeLessThan(12);
});

it("keeps nothing large", () => {
  const numbers = scratch((length) => new Float32Array(length));
  const large = numbers(1_000_000);
  expect(large).toHaveLength(1_000_000);
  expect(numbers(1_000_000).buffer).not.toBe(large.buffer);
  numbers(32_768);
  expect(numbers(20).buffer.byteLength).toBe(4 * 32_768);
});

it("gives each user memory of its own", () => {
  const [one, other] = [1, 2].map(() => scratch((length) => new Float64Array(length)));
  expect(one?.(5).buffer).not.toBe(other?.(5).buffer);
});
