/** Rows for a sharded namespace and its unsharded twin: each version of one has another vector. */

export function vectorOf(seed: number): number[] {
  return Array.from({ length: 8 }, (_, i) => Math.sin(seed * 12.9898 + i * 78.233));
}

export function rowsOf(from: number, count: number, version: number) {
  return Array.from({ length: count }, (_, i) => {
    const id = from + i;
    return { id, v: version, group: `g${id % 7}`, vector: vectorOf(id + 1_000 * version) };
  });
}
