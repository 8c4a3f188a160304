/**
 * Where what a manifest names lies: below its own generation, or below one it was branched from.
 * Pure. Whoever reads the log, a segment or a bitmap goes by this and never by the generation it
 * was asked about.
 *
 *   log   floor ── inherited[0] ── inherited[1] ── own log …
 *         each stretch below the generation that wrote it
 */
import type { InheritedLog, Manifest, SegmentInfo, WalRange } from "./manifest.ts";

type LogView = Pick<Manifest, "generation" | "inherited">;

/** The generation below which the log entry lies, and which it names as its own. */
export function homeOfEntry({ generation, inherited }: LogView, sequence: number): string {
  const stretch = inherited.find(({ from, to }) => from <= sequence && sequence < to);
  return stretch?.generation ?? generation;
}

/** The entries from … to-1 by where they lie, in order; `from` is not below the floor. */
export function stretchesOf(manifest: LogView, { from, to }: WalRange): readonly InheritedLog[] {
  const { generation, inherited } = manifest;
  const ownFrom = inherited.at(-1)?.to ?? from;
  return [...inherited, { generation, from: ownFrom, to: Number.POSITIVE_INFINITY }]
    .map((part) => ({
      generation: part.generation,
      from: Math.max(from, part.from),
      to: Math.min(to, part.to),
    }))
    .filter((part) => part.from < part.to);
}

/** What is left of inherited stretches once entries below the floor lie in segments. */
export function inheritedFrom(
  inherited: readonly InheritedLog[],
  floor: number,
): readonly InheritedLog[] {
  return inherited
    .filter(({ to }) => to > floor)
    .map((part) => ({ ...part, from: Math.max(part.from, floor) }));
}

/** Generations other than its own below which the manifest names anything. */
export function ancestorsOf(manifest: Manifest): ReadonlySet<string> {
  const found = new Set(manifest.inherited.map(({ generation }) => generation));
  for (const { home, dead } of manifest.segments) {
    found.add(home);
    if (dead.version > 0) {
      found.add(dead.home);
    }
  }
  found.delete(manifest.generation);
  return found;
}

/** What somebody else reads below a generation, and must stay there as long as that lasts. */
export interface Holding {
  readonly segments: readonly { readonly id: string; readonly parts: number }[];
  readonly bitmaps: readonly { readonly segment: string; readonly name: string }[];
  /** Log entries from … to-1 with the attachments they name. */
  readonly wal: readonly WalRange[];
}

/** The part of these segments and stretches of the log that lies below the generation. */
export function holdingBelow(
  generation: string,
  segments: readonly SegmentInfo[],
  log: readonly InheritedLog[],
): Holding {
  return {
    segments: segments
      .filter(({ home }) => home === generation)
      .map(({ id, parts }) => ({ id, parts: parts.length })),
    bitmaps: segments
      .filter(({ dead }) => dead.version > 0 && dead.home === generation)
      .map(({ id, dead }) => ({ segment: id, name: dead.name })),
    wal: log
      .filter((stretch) => stretch.generation === generation)
      .map(({ from, to }) => ({ from, to })),
  };
}
