/** sqlite-vec: exact search over a table in a local file, the reference for brute force. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { loadPackage, versionOf } from "./packages.ts";
import { type BuiltPeer, batchRows, type Peer, type PeerInput } from "./peer.ts";

interface SqliteVec {
  getLoadablePath(): string;
}

export function openPeer(): Peer {
  const extension = (loadPackage("sqlite-vec") as SqliteVec).getLoadablePath();
  return {
    version: versionOf("sqlite-vec"),
    place: "local file",
    build: (input) => build(extension, input),
  };
}

function build(extension: string, { base, rows, topK, folder, metric }: PeerInput): BuiltPeer {
  const startedMs = performance.now();
  const database = new DatabaseSync(join(folder, "rows.sqlite"), { allowExtension: true });
  database.loadExtension(extension);
  const name = metric === "euclidean_squared" ? "l2" : "cosine";
  database.exec(
    `create virtual table rows using vec0(vector float[${base.dimensions}] distance_metric=${name})`,
  );
  const insert = database.prepare("insert into rows(rowid, vector) values (?, ?)");
  for (let from = 0; from < rows; from += batchRows) {
    const to = Math.min(rows, from + batchRows);
    const values = base.slice(from, to);
    database.exec("begin");
    for (let row = from; row < to; row++) {
      const start = (row - from) * base.dimensions;
      insert.run(BigInt(row), bytesOf(values.subarray(start, start + base.dimensions)));
    }
    database.exec("commit");
  }
  const secondsLoad = (performance.now() - startedMs) / 1000;
  const select = database.prepare("select rowid from rows where vector match ? and k = ?");
  return {
    settings: [
      {
        label: "exact",
        warm: (query) => select.all(bytesOf(query), topK).map(({ rowid }) => Number(rowid)),
      },
    ],
    secondsLoad,
    secondsIndexed: 0,
    close: () => database.close(),
  };
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
