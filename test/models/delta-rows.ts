/**
 * What lies in the segments of delta-model.ts, and what jobs make of it. A segment's id and a
 * bitmap's name end with their content, so a manifest alone says everything:
 *
 *   segment   f1-1[a0 b0]    rows: the document and the log entry that wrote it
 *   bitmap    1-f2-1-0[0 1]  ordinals of the dead rows
 */

import { emptySchema } from "../../src/document/schema.ts";
import { initialSettings } from "../../src/document/settings.ts";
import {
  type DeadState,
  type Delta,
  type Manifest,
  noneDead,
  type SegmentInfo,
} from "../../src/format/manifest.ts";
import type { JobRecord } from "../../src/namespace/jobs.ts";

interface Operation {
  readonly id: string;
  readonly deletes: boolean;
}

/** The log: entry by entry. Every document is written, overwritten and deleted. */
const log: readonly (readonly Operation[])[] = [
  [put("a"), put("b"), put("c"), put("d")],
  [put("a"), drop("b")],
  [put("b"), drop("c")],
  [drop("a"), put("c")],
];

function put(id: string): Operation {
  return { id, deletes: false };
}

function drop(id: string): Operation {
  return { id, deletes: true };
}

/** Document and entry, as in "a0". */
type Row = string;

/** The documents below the floor as the log says they must be. */
export function rowsBelow(floor: number): readonly Row[] {
  return fold(0, floor).live;
}

function fold(from: number, to: number): { readonly live: Row[]; readonly touched: Set<string> } {
  const newest = new Map<string, Row | undefined>();
  for (let sequence = from; sequence < to; sequence++) {
    for (const { id, deletes } of log[sequence] ?? []) {
      newest.set(id, deletes ? undefined : `${id}${sequence}`);
    }
  }
  const live = [...newest.values()].flatMap((row) => row ?? []);
  return { live: live.toSorted(), touched: new Set(newest.keys()) };
}

export function liveRows({ segments }: Manifest): readonly Row[] {
  return segments.flatMap((segment) => livingIn(segment)).toSorted();
}

function livingIn(segment: SegmentInfo): Row[] {
  const dead = deadIn(segment);
  return contentOf(segment.id).filter((_, ordinal) => !dead.has(ordinal));
}

function deadIn({ dead }: SegmentInfo): Set<number> {
  return new Set(contentOf(dead.name).map(Number));
}

function contentOf(name: string): string[] {
  return /\[(.+)\]$/.exec(name)?.[1]?.split(" ") ?? [];
}

/** A job's output, before it knows what it will be committed to. */
export function build(
  job: JobRecord,
  manifest: Manifest,
): { readonly rows: readonly Row[]; readonly touched: ReadonlySet<string> } {
  if (job.wal !== undefined) {
    const { live, touched } = fold(job.wal.from, job.wal.to);
    return { rows: live, touched };
  }
  const inputs = manifest.segments.filter(({ id }) => job.inputs?.includes(id));
  return { rows: inputs.flatMap((segment) => livingIn(segment)), touched: new Set() };
}

/** What compact.ts makes of the job under the manifest it is to be committed to. */
export function resolve(
  job: JobRecord,
  attempt: number,
  built: ReturnType<typeof build>,
  now: Manifest,
  options: { readonly forgetsDied?: boolean; readonly forgetsDeletions?: boolean } = {},
): Delta | undefined {
  const output = built.rows.length === 0 ? undefined : segmentOf(job, built.rows);
  if (job.wal !== undefined) {
    const touched = options.forgetsDeletions
      ? new Set(built.rows.map((row) => row.slice(0, 1)))
      : built.touched;
    return flushDelta(job, attempt, output, touched, now);
  }
  const inputs = now.segments.filter(({ id }) => job.inputs?.includes(id));
  if (inputs.length < (job.inputs?.length ?? 0)) return undefined;
  const alive = new Set(inputs.flatMap((segment) => livingIn(segment)));
  const died = options.forgetsDied
    ? []
    : built.rows.flatMap((row, ordinal) => (alive.has(row) ? [] : [ordinal]));
  const survives = output !== undefined && died.length < output.rows;
  const dead = output && died.length > 0 ? deadState(job, attempt, output, died) : noneDead;
  return {
    id: job.id,
    job: job.id,
    remove: inputs.map(({ id, dead: { version } }) => ({ segment: id, deadVersion: version })),
    add: survives ? [{ ...output, dead }] : [],
    dead: [],
  };
}

function flushDelta(
  job: JobRecord,
  attempt: number,
  output: SegmentInfo | undefined,
  touched: ReadonlySet<string>,
  now: Manifest,
): Delta {
  const remove: { segment: string; deadVersion: number }[] = [];
  const dead: { segment: string; from: number; to: DeadState }[] = [];
  for (const segment of now.segments) {
    const ordinals = deadIn(segment);
    for (const [ordinal, row] of contentOf(segment.id).entries()) {
      if (touched.has(row.slice(0, 1))) ordinals.add(ordinal);
    }
    if (ordinals.size === segment.rows) {
      remove.push({ segment: segment.id, deadVersion: segment.dead.version });
    } else if (ordinals.size > segment.dead.rows) {
      const to = deadState(
        job,
        attempt,
        segment,
        [...ordinals].toSorted((a, b) => a - b),
      );
      dead.push({ segment: segment.id, from: segment.dead.version, to });
    }
  }
  const { from, to } = job.wal ?? { from: 0, to: 0 };
  const hash = Uint8Array.of(to);
  return {
    id: job.id,
    job: job.id,
    remove,
    add: output === undefined ? [] : [output],
    dead,
    floor: {
      from,
      to,
      hash,
      schema: emptySchema,
      settings: initialSettings,
      lastWriteMs: 0,
      updatedMs: 0,
      lastMs: 0,
    },
  };
}

function segmentOf(job: JobRecord, rows: readonly Row[]): SegmentInfo {
  return {
    id: `${job.id}-${job.attempt}[${rows.join(" ")}]`,
    home: "g",
    level: 0,
    rows: rows.length,
    bytes: rows.length,
    digest: digestOf(rows),
    logicalBytes: rows.length,
    parts: [{ bytes: rows.length, sha256: new Uint8Array(32) }],
    root: { part: 0, offset: 0, length: 1 },
    dead: noneDead,
    schemaVersion: 0,
    clusters: 0,
    minId: 0,
    maxId: 0,
    createdMs: 0,
  };
}

function deadState(
  job: JobRecord,
  attempt: number,
  segment: SegmentInfo,
  ordinals: readonly number[],
): DeadState {
  const version = segment.dead.version + 1;
  const rows = contentOf(segment.id).filter((_, ordinal) => ordinals.includes(ordinal));
  return {
    version,
    rows: ordinals.length,
    name: `${version}-${job.id}-${job.attempt}-${attempt}[${ordinals.join(" ")}]`,
    bytes: 1,
    digest: digestOf(rows),
    home: "g",
  };
}

/** As sums of hashes: rows that differ never have one sum. */
function digestOf(rows: readonly Row[]): bigint {
  return rows.reduce((sum, row) => {
    const bit = (row.charCodeAt(0) - 97) * 16 + Number(row.slice(1)) * 2;
    return sum + (1n << BigInt(bit));
  }, 0n);
}
