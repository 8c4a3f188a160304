/** What a query may read of postings. */
import { afterEach, describe, expect, test } from "vitest";
import { limits } from "../src/limits.ts";
import { TextRig } from "./text-rig.ts";

describe("a query of too many postings", () => {
  const { postingBytesMax } = limits;
  afterEach(() => {
    Object.assign(limits, { postingBytesMax });
  });

  test.each<[string, object]>([
    ["a rank", { rank_by: ["text", "BM25", "w", { last_as_prefix: true }] }],
    [
      "a filter",
      {
        rank_by: ["id", "asc"],
        filters: ["text", "ContainsAnyToken", "w", { last_as_prefix: true }],
      },
    ],
  ])("is refused, and told which attribute it was, in %s", async (_, body) => {
    const rig = new TextRig();
    const text = (i: number) =>
      Array.from({ length: 60 }, (_x, n) => `w${(i * n) % 400}`).join(" ");
    await rig.putTexts(Array.from({ length: 600 }, (_x, id) => ({ id, text: text(id) })));
    await rig.flush();
    rig.newIsolate();
    Object.assign(limits, { postingBytesMax: 20 * 1024 });
    const asked = { ...body, limit: 10 };
    const refused = await rig.search(asked).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      kind: "invalid",
      message: expect.stringMatching(/in "text" .* more than 20480; ask for rarer words/),
    });
    Object.assign(limits, { postingBytesMax });
    expect((await rig.search(asked)).rows.length).toBeGreaterThan(0);
  });
});
