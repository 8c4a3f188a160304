/** The write path's codecs in the runtime that serves requests: its base64, its text codecs. */
import { expect, it } from "vitest";
import { decodeBatch, encodeBatch } from "../../../src/format/batch.ts";
import { base64Of, build, cosine, refusal } from "./write-cases.ts";

it("a write is built, encoded and read back inside the Workers runtime", () => {
  const title = `\ufeff${"long text that begins with a byte order mark ".repeat(3)}`;
  const rows = [
    { id: 1, vector: base64Of(0.5, -1), title, tags: ["a", "é"] },
    { id: 2, vector: [3, 4], n: 2n ** 62n },
  ];
  const { batch } = build({ upsert_rows: rows, deletes: [3], ...cosine });
  const decoded = decodeBatch(encodeBatch(batch));
  expect(decoded).toStrictEqual(batch);
  expect([...decoded.vectors]).toEqual([0.5, -1, 3, 4]);
  expect(decoded.attributes.map(({ values }) => values)).toEqual([
    [title, null],
    [["a", "é"], null],
    [null, 2n ** 62n],
  ]);
});

it("base64 that is no vector is refused by the runtime's own codec too", () => {
  for (const vector of ["!!!!", "zczMPc3MTD4", "AAAAAAA=", base64Of(Number.NaN), "AA AA AA="]) {
    expect(refusal({ upsert_rows: [{ id: 1, vector }], ...cosine }).kind).toBe("invalid");
  }
});
