/**
 * Measures full-text engines that others have made: each in a process of its own
 * (../peers/text-run.ts), whose messages become lines. A peer that cannot be installed, opened or
 * finished gets a line that says why.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { round } from "../../quantiles.ts";
import { withTemporaryFolder } from "../../temporary-folder.ts";
import { summarizeRuns } from "../http-queries.ts";
import { collectMessages } from "../peer-engines.ts";
import { installPeers, peersFolder } from "../peer-install.ts";
import type { TextPeerJob, TextPeerMessage } from "../peers/text-peer.ts";
import type { TextCorpus } from "./corpus.ts";
import type { SkippedLine, TextLine } from "./lines.ts";

export const textPeerNames = ["sqlite-fts5", "minisearch", "orama"] as const;
export type TextPeerName = (typeof textPeerNames)[number];

export interface TextPeersBench {
  readonly runSecondsMax: number;
  readonly buildSecondsMax: number;
  readonly say: (line: string) => void;
}

type Built = Extract<TextPeerMessage, { kind: "built" }>;

export async function benchTextPeer(
  peer: TextPeerName,
  { runSecondsMax, buildSecondsMax, say }: TextPeersBench,
  { documents, questions }: TextCorpus,
): Promise<readonly (TextLine | SkippedLine)[]> {
  const skip = (reason: string): SkippedLine => {
    say(`${peer} is skipped: ${reason}`);
    return { bench: "text", engine: peer, skipped: reason };
  };
  // SQLite comes with Node.
  const missing = peer === "sqlite-fts5" ? undefined : installPeers(say);
  if (missing !== undefined) return [skip(missing)];
  say(`${peer}: ${documents.length} documents, ${questions.length} questions`);
  return await withTemporaryFolder("peer", async (folder) => {
    const corpus = join(folder, "corpus.json");
    writeFileSync(corpus, JSON.stringify({ documents, questions }));
    const job: TextPeerJob = { peer, corpus, folder, runSecondsMax, buildSecondsMax };
    const { messages, failure } = await collectMessages<TextPeerMessage>(process.execPath, [
      "--max-old-space-size=6000",
      join(peersFolder, "text-run.ts"),
      JSON.stringify(job),
    ]);
    const built = messages.find((message) => message.kind === "built");
    const lines = messages.flatMap((message): (TextLine | SkippedLine)[] => {
      if (message.kind === "unavailable") return [skip(message.reason)];
      if (message.kind === "built" || built === undefined) return [];
      return [toLine(peer, built, message)];
    });
    return failure === undefined ? lines : [...lines, skip(failure)];
  });
}

function toLine(
  peer: TextPeerName,
  built: Built,
  { topK, queries, run }: Extract<TextPeerMessage, { kind: "measured" }>,
): TextLine {
  const { rows, textBytes, seconds, cpuSeconds, indexBytes, version } = built;
  return {
    bench: "text",
    engine: peer,
    phase: "warm",
    top_k: topK,
    ...summarizeRuns([run]),
    store_requests_per_query: 0,
    rounds_per_query: 0,
    bytes_per_query: 0,
    queries,
    rounds_max: 0,
    bytes_max: 0,
    before_documents: null,
    rows,
    seconds_build: round(seconds, 2),
    cpu_seconds_build: round(cpuSeconds, 2),
    mb_per_second: round(textBytes / 1e6 / seconds, 2),
    cpu_seconds_puts: null,
    mb_per_cpu_second: null,
    index_bytes: indexBytes,
    index_share: round(indexBytes / textBytes, 4),
    positions_share: 0,
    version,
    segments: null,
  };
}
