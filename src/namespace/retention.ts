/**
 * How long what nobody needs any more is kept: for the grace, since somebody may be reading it, and
 * before that for the namespace's retention, since its past may be asked for. Pure.
 *
 *   time ───── state S was now ─────┤ sinceMs: superseded ├──── retention ────┤── grace ──┤ may go
 *
 * Why that is enough: S is read from the newest manifest whose floor is not above it, and from the
 * log between. What they name dies when a manifest with a higher floor, or without it, is
 * committed, and that is after S was superseded by the entry behind it.
 */

import type { Settings } from "../document/settings.ts";
import type { DeadRecord, Manifest } from "../format/manifest.ts";
import { limits } from "../limits.ts";

interface View {
  readonly manifest: Pick<Manifest, "dead">;
  readonly settings: Pick<Settings, "retentionMs">;
}

/** What died up to this time may go. */
export function collectableBeforeMs({ manifest, settings }: View, nowMs: number): number {
  const graceMs = nowMs - limits.collectGraceMs;
  const keptMs = graceMs - settings.retentionMs;
  const { dead } = manifest;
  const surplus = dead[dead.length - limits.deadRecordsMax - 1];
  return surplus === undefined ? keptMs : Math.min(graceMs, Math.max(keptMs, surplus.sinceMs));
}

/** When a collection is due for it. */
export function collectableAtMs({ manifest, settings }: View, { sinceMs }: DeadRecord): number {
  const isFull = manifest.dead.length > limits.deadRecordsMax;
  const retentionMs = isFull ? 0 : settings.retentionMs;
  return sinceMs + retentionMs + limits.collectGraceMs + limits.collectEveryMs;
}

/** States that were superseded before are no longer answered for. */
export function historyBeginMs({ settings }: Pick<View, "settings">, nowMs: number): number {
  return nowMs - settings.retentionMs;
}
