/** FTS5 of the SQLite that comes with Node: an index without the documents in a local file. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TextPeer } from "./text-peer.ts";

/** The whole index fits, so that warm means warm. */
const cachePages = "pragma cache_size = -262144";

export function openPeer(folder: string): TextPeer {
  const file = join(folder, "texts.sqlite");
  const database = new DatabaseSync(file);
  database.exec(cachePages);
  database.exec("create virtual table texts using fts5(text, content='', detail=full)");
  const insert = database.prepare("insert into texts(rowid, text) values (?, ?)");
  const select = database.prepare(
    "select rowid from texts where texts match ? order by rank limit ?",
  );
  const version = database.prepare("select sqlite_version() as version").get();
  return {
    version: String(version?.["version"]),
    add: (documents, from) => {
      database.exec("begin");
      for (const [i, text] of documents.entries()) insert.run(from + i + 1, text);
      database.exec("commit");
    },
    finish: () => database.exec("insert into texts(texts) values ('optimize')"),
    size: () => statSync(file).size,
    search: (words, topK) => select.all(words.map((word) => `"${word}"`).join(" OR "), topK),
  };
}
