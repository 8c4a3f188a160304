/** Lines that Prometheus reads -> figures for charts. */

export interface Figure {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function parseMetrics(text: string): readonly Figure[] {
  return text.split("\n").flatMap((line) => {
    const match = /^shoal_(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null) return [];
    const [, name = "", inner = "", value = ""] = match;
    const labels = Array.from(
      inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g),
      ([, key = "", text]) => [key, (text ?? "").replaceAll(/\\(.)/g, "$1")],
    );
    return [
      { name, labels: Object.fromEntries(labels) as Record<string, string>, value: Number(value) },
    ];
  });
}

export function sumOf(
  figures: readonly Figure[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  return figures
    .filter((figure) => figure.name === name)
    .filter((figure) =>
      Object.entries(labels).every(([key, value]) => figure.labels[key] === value),
    )
    .reduce((sum, { value }) => sum + value, 0);
}

/**
 * The time within which a share of the requests between two readings began to be answered, in
 * milliseconds; undefined if there were none.
 */
export function quantileMs(
  before: readonly Figure[],
  after: readonly Figure[],
  share: number,
): number | undefined {
  const bounds = new Map<number, number>();
  const add = (figures: readonly Figure[], sign: 1 | -1): void => {
    for (const { name, labels, value } of figures) {
      if (name !== "request_seconds_bucket" || labels["route"] === "/metrics") continue;
      const bound = labels["le"] === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels["le"]);
      bounds.set(bound, (bounds.get(bound) ?? 0) + sign * value);
    }
  };
  add(after, 1);
  add(before, -1);
  const sorted = [...bounds].toSorted(([a], [b]) => a - b);
  const total = sorted.at(-1)?.[1] ?? 0;
  if (total <= 0) return undefined;
  const found = sorted.find(([, count]) => count >= share * total);
  return found === undefined ? undefined : 1_000 * found[0];
}
