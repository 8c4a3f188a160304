/**
 * LanceDB on an S3-compatible object store: IVF with RaBitQ codes (`lancedb`) or product
 * quantisation (`lancedb-pq`), in as many partitions as the root of the rows, its own default.
 *
 * Cold is a new connection for every query, which has a session and caches of its own, and opens
 * the table. Warm is one open table that does not look for newer versions, LanceDB's default: it
 * may answer from an old state, where ours looks every time.
 *
 * Partitions are read as many at a time as LanceDB counts processors; with two it waits for most of
 * them one after another. It is told of sixteen (peer-engines.ts), which halved its cold latency
 * on two cores; more made no difference.
 */
import { loadPackage, versionOf } from "./packages.ts";
import { type BuiltPeer, batchRows, type Peer, type PeerInput, type PeerSetting } from "./peer.ts";

interface LanceDb {
  connect(uri: string, options: unknown): Promise<Connection>;
  readonly Index: Record<"ivfRq" | "ivfPq", (options: IndexOptions) => unknown>;
}

interface IndexOptions {
  readonly distanceType: "l2" | "cosine";
  readonly numPartitions: number;
}

interface Connection {
  createTable(name: string, data: unknown): Promise<Table>;
  openTable(name: string): Promise<Table>;
  close(): void;
}

interface Table {
  add(data: unknown): Promise<unknown>;
  createIndex(column: string, options: { config: unknown }): Promise<void>;
  waitForIndex(names: readonly string[], timeoutSeconds: number): Promise<void>;
  listIndices(): Promise<readonly { readonly name: string }[]>;
  vectorSearch(vector: Float32Array): VectorQuery;
  close(): void;
}

interface VectorQuery {
  distanceType(type: "l2" | "cosine"): VectorQuery;
  nprobes(count: number): VectorQuery;
  refineFactor(factor: number): VectorQuery;
  select(columns: readonly string[]): VectorQuery;
  limit(rows: number): VectorQuery;
  toArray(): Promise<readonly { readonly id: number }[]>;
}

interface Arrow {
  readonly Table: new (columns: Record<string, unknown>) => unknown;
  readonly Vector: new (data: readonly unknown[]) => unknown;
  makeData(parts: Record<string, unknown>): unknown;
  readonly Float32: new () => unknown;
  readonly Int32: new () => unknown;
  readonly Field: new (name: string, type: unknown, nullable: boolean) => unknown;
  readonly FixedSizeList: new (size: number, field: unknown) => unknown;
}

type Codes = "ivfRq" | "ivfPq";

interface Effort {
  readonly nprobes: number;
  /** Candidates read in full for each row wanted. */
  readonly refine?: number;
}

const efforts: Readonly<Record<Codes, readonly Effort[]>> = {
  ivfRq: [
    { nprobes: 16 },
    { nprobes: 4, refine: 10 },
    { nprobes: 16, refine: 10 },
    { nprobes: 64, refine: 10 },
  ],
  ivfPq: [
    { nprobes: 16, refine: 10 },
    { nprobes: 64, refine: 10 },
  ],
};

const tableName = "rows";
const indexSecondsMax = 1_800;

export function openPeer(codes: Codes): Peer {
  const lancedb = loadPackage("@lancedb/lancedb") as LanceDb;
  return {
    version: versionOf("@lancedb/lancedb"),
    place: "object storage",
    build: (input) => build(lancedb, codes, input),
  };
}

async function build(lancedb: LanceDb, codes: Codes, input: PeerInput): Promise<BuiltPeer> {
  const { rows, topK, metric } = input;
  const distanceType = metric === "euclidean_squared" ? "l2" : "cosine";
  const connect = () =>
    lancedb.connect(`s3://lancedb/${codes}`, { storageOptions: storageOptions(input.storeUrl) });
  const connection = await connect();
  const startedMs = performance.now();
  const table = await load(connection, input);
  const loadedMs = performance.now();
  const numPartitions = Math.max(1, Math.round(Math.sqrt(rows)));
  const config = lancedb.Index[codes]({ distanceType, numPartitions });
  await table.createIndex("vector", { config });
  const names = (await table.listIndices()).map(({ name }) => name);
  if (names.length !== 1) throw new Error(`the table has ${names.length} indices, not one`);
  await table.waitForIndex(names, indexSecondsMax);
  const indexedMs = performance.now();
  table.close();

  const search = async (open: Table, query: Float32Array, { nprobes, refine }: Effort) => {
    const plain = open.vectorSearch(query).distanceType(distanceType).nprobes(nprobes);
    const refined = refine === undefined ? plain : plain.refineFactor(refine);
    const found = await refined.select(["id", "_distance"]).limit(topK).toArray();
    return found.map(({ id }) => id);
  };
  // What was written is not to be remembered by what is measured.
  const reader = await (await connect()).openTable(tableName);
  const settings = efforts[codes].map((effort): PeerSetting => {
    const refined = effort.refine === undefined ? "" : ` refine=${effort.refine}`;
    return {
      label: `${codes === "ivfRq" ? "IVF_RQ" : "IVF_PQ"} nprobes=${effort.nprobes}${refined}`,
      warm: (query) => search(reader, query, effort),
      cold: async (query) => {
        const fresh = await connect();
        const opened = await fresh.openTable(tableName);
        const found = await search(opened, query, effort);
        opened.close();
        fresh.close();
        return found;
      },
    };
  });
  return {
    settings,
    secondsLoad: (loadedMs - startedMs) / 1000,
    secondsIndexed: (indexedMs - loadedMs) / 1000,
    close: () => connection.close(),
  };
}

async function load(connection: Connection, { base, rows }: PeerInput): Promise<Table> {
  const arrow = loadPackage("apache-arrow") as Arrow;
  const batch = (from: number): unknown => {
    const to = Math.min(rows, from + batchRows);
    return toArrow(arrow, from, base.slice(from, to), base.dimensions);
  };
  const table = await connection.createTable(tableName, batch(0));
  for (let from = batchRows; from < rows; from += batchRows) await table.add(batch(from));
  return table;
}

function toArrow(arrow: Arrow, from: number, values: Float32Array, dimensions: number): unknown {
  const { Vector } = arrow;
  const length = values.length / dimensions;
  const child = arrow.makeData({ type: new arrow.Float32(), length: values.length, data: values });
  const type = new arrow.FixedSizeList(
    dimensions,
    new arrow.Field("item", new arrow.Float32(), true),
  );
  const ids = Int32Array.from({ length }, (_, i) => from + i);
  return new arrow.Table({
    id: new Vector([arrow.makeData({ type: new arrow.Int32(), length, data: ids })]),
    vector: new Vector([arrow.makeData({ type, length, child })]),
  });
}

/** Any key opens the simulator. */
function storageOptions(endpoint: string): Readonly<Record<string, string>> {
  return {
    endpoint,
    allow_http: "true",
    aws_region: "us-east-1",
    aws_access_key_id: "bench",
    aws_secret_access_key: "bench",
    aws_virtual_hosted_style_request: "false",
  };
}
