import { expect, test } from "vitest";
import { buildQuery, type Columns } from "../../../../workers/api/mcp/tool-query.ts";

const columns: Columns = { texts: ["title", "body"], vectors: ["vector"], packed: ["vector"] };

test("a tool that highlights shows sentences in place of texts, however documents are found", () => {
  const highlight = (name: string) => [
    "Highlight",
    name,
    { rank_fragments_by: ["$fragment", "BM25", "red"] },
  ];
  const shown = {
    exclude_attributes: ["vector", "title", "body"],
    compute_attributes: { title_highlight: highlight("title"), body_highlight: highlight("body") },
  };
  const asked = { text: "red", highlight: true, limit: 5 };
  expect(buildQuery(asked, columns)).toMatchObject({ ...shown, limit: 5 });
  expect(buildQuery({ ...asked, vector: [1, 2] }, columns)).toMatchObject({
    queries: [shown, shown],
    rerank_by: ["RRF"],
  });
  const named = buildQuery({ ...asked, include_attributes: ["title"] }, columns);
  expect(named).toMatchObject({ include_attributes: ["title"] });
  expect(named).not.toHaveProperty("exclude_attributes");
  expect(() => buildQuery({ highlight: true }, columns)).toThrow("say `text`");
});
