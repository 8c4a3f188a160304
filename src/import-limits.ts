/** Every bound of the server's imports (imports.ts), each with its unit and its reason. */

const MiB = 2 ** 20;

export const importLimits = {
  /** A write of an import: what is read and parsed of it lies in memory twice, read ahead. */
  batchRows: 2_000,
  batchBytes: 4 * MiB,
  /** A row of text that is longer has no end. */
  rowBytesMax: 16 * MiB,
  /** One read of an object. */
  readBytes: 4 * MiB,
  /** So long an attempt works before it lets others have the consumer. */
  sliceMs: 20_000,
  /** Rows that are refused before an import ends: then it is no import of this namespace. */
  rejectedMax: 5_000,
  /** Bytes of them that are kept, of each: enough to find it. */
  rejectedBytes: 1_024,
  sourcesMax: 1_000,
  /** A compressed object is read from its start by every attempt. */
  compressedBytesMax: 512 * MiB,
  /** Of a zstd frame; compressors up to level 19 ask for no more. It lies in memory as a whole. */
  windowBytesMax: 8 * MiB,
  /** Of a Parquet row group that is decoded as a whole: as objects it takes a multiple. */
  groupBytesMax: 16 * MiB,
  /** Its steps are repeated under their keys within this time: far longer than attempts take. */
  keyKeepMs: 3_600_000,
  /** Its objects are kept so long after the newest of them. */
  keepMs: 7 * 24 * 3_600_000,
  page: 20,
} as const;
