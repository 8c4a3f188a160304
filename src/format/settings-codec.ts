/**
 * Settings inside CBOR.
 *
 *   settings  [read only, replicas, shards, retention in ms]
 *   change    the same; null = stays as it is
 */
import type { Settings, SettingsChange } from "../document/settings.ts";
import { corrupt } from "../errors.ts";
import { limits } from "../limits.ts";
import type { CborValue } from "./cbor.ts";

export function settingsToCbor(settings: Settings): CborValue {
  const { readOnly, replicas, shards, retentionMs } = settings;
  return [readOnly, replicas, shards, retentionMs];
}

export function settingsChangeToCbor(change: SettingsChange): CborValue {
  const { readOnly = null, replicas = null, shards = null, retentionMs = null } = change;
  return [readOnly, replicas, shards, retentionMs];
}

/** Throws `corrupt` unless `value` is what `settingsToCbor` makes. */
export function settingsFromCbor(value: unknown): Settings {
  const { readOnly, replicas, shards, retentionMs } = settingsChangeFromCbor(value);
  if (
    readOnly === undefined ||
    replicas === undefined ||
    shards === undefined ||
    retentionMs === undefined
  ) {
    throw corrupt("settings: incomplete");
  }
  return { readOnly, replicas, shards, retentionMs };
}

/** Throws `corrupt` unless `value` is what `settingsChangeToCbor` makes. */
export function settingsChangeFromCbor(value: unknown): SettingsChange {
  const members: readonly unknown[] = Array.isArray(value) ? value : [];
  const [readOnly, replicas, shards, retentionMs] = members;
  if (
    members.length !== 4 ||
    (readOnly !== null && typeof readOnly !== "boolean") ||
    !isCount(replicas, limits.replicasMax) ||
    !isCount(shards, limits.shardsMax) ||
    !isCount(retentionMs, limits.retentionMsMax)
  ) {
    throw corrupt("settings: malformed");
  }
  return {
    ...(readOnly === null ? {} : { readOnly }),
    ...(replicas === null ? {} : { replicas }),
    ...(shards === null ? {} : { shards }),
    ...(retentionMs === null ? {} : { retentionMs }),
  };
}

function isCount(value: unknown, max: number): value is number | null {
  return value === null || (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= max);
}
