/**
 * Queue consumer of sampled queries: each is asked again, approximately and exhaustively on one
 * snapshot, and the namespace's object notes what share of the truth was found. A message that is
 * lost or comes twice is a sample less or one more.
 */
import { decodeBase64 } from "../src/bytes/base64.ts";
import { f32View } from "../src/bytes/typed-view.ts";
import type { NamespaceApi } from "../src/namespace/protocol.ts";
import { replyValue } from "../src/namespace/protocol.ts";
import type { RecallSampleHint } from "../src/ports.ts";
import { measureRecall } from "../src/recall.ts";
import type { SearchPorts } from "../src/search-ports.ts";
import { parseJson } from "./api/json.ts";

const topK = 10;

export async function noteSample(
  ports: SearchPorts,
  owner: NamespaceApi,
  { tenant, sampled: name, column, vector, filters }: RecallSampleHint,
): Promise<void> {
  const bytes = decodeBase64(vector);
  const report = await measureRecall(
    ports,
    { tenant, name, owner },
    {
      count: 1,
      topK,
      filters: filters === undefined ? undefined : parseJson(new TextEncoder().encode(filters)),
      vector: { column, values: f32View(bytes, 0, bytes.length / 4) },
    },
  );
  const { recall, probes, generation, exhaustiveCount } = report;
  // Where there is nothing to find, nothing is said of how it is found.
  if (exhaustiveCount > 0) {
    replyValue(await owner.noteRecall(tenant, name, generation, { recall, probes }));
  }
}
