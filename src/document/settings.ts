/** What a namespace is set to, beside its schema. Changed by writes, in their one order. */

export interface Settings {
  /** Documents and schema stay as they are; every write is refused but one that ends this. */
  readonly readOnly: boolean;
  /** Replicas that are kept warm; 0 if it is not pinned. */
  readonly replicas: number;
  /** Shards its first write asked for; 0 if it is not sharded. */
  readonly shards: number;
  /** How far back the past can be read; 0: only what is now. */
  readonly retentionMs: number;
}

/** What is not named stays as it is. */
export type SettingsChange = Partial<Settings>;

export const initialSettings: Settings = {
  readOnly: false,
  replicas: 0,
  shards: 0,
  retentionMs: 0,
};

export function applySettings(settings: Settings, change: SettingsChange | undefined): Settings {
  return change === undefined ? settings : { ...settings, ...change };
}

export function sameSettings(a: Settings, b: Settings): boolean {
  const names = Object.keys(initialSettings) as (keyof Settings)[];
  return names.every((name) => a[name] === b[name]);
}

/** What became of a namespace's settings where it began as another. */
type OriginKind = "branch" | "copy" | "snapshot" | "restore";

/**
 * Pinning is never inherited, and a copy inherits nothing but its shards. Nor does a snapshot,
 * which never changes; what is restored keeps the settings that its name has.
 */
export function inheritedSettings(settings: Settings, kind: OriginKind): Settings {
  return kind === "branch"
    ? { ...settings, replicas: initialSettings.replicas }
    : { ...initialSettings, shards: settings.shards };
}
