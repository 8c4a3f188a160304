/** Answers for models: what is left out of a long one, and that it says so. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { fitAnswer } from "../../../../workers/api/mcp/fit-answer.ts";

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

it("leaves an answer that fits as it is, to the byte", () => {
  const text = '{ "rows": [ {"id": 18446744073709551615} ] }';
  expect(fitAnswer(text, 100)).toBe(text);
});

it("cuts long texts before it leaves out rows, and says both", () => {
  const rows = [1, 2].map((id) => ({ id, body: "a".repeat(5_000) }));
  const cut = JSON.parse(fitAnswer(JSON.stringify({ rows }), 4_000)) as Answer;
  expect(cut.rows.map(({ id }) => id)).toEqual([1, 2]);
  expect(cut.rows[0]?.body).toMatch(/^a{1500} … \(cut, 5000 characters\)$/);
  expect(cut.truncated).toBe("long texts were cut");

  const fewer = JSON.parse(fitAnswer(JSON.stringify({ rows }), 2_000)) as Answer;
  expect(fewer.rows.map(({ id }) => id)).toEqual([1]);
  expect(fewer.truncated).toMatch(/only 1 of 2 entries are shown/);
});

it("shortens each of several results, and keeps ids beyond 2^53 whole", () => {
  const rows = Array.from({ length: 64 }, () => '{"id":18446744073709551615,"a":"xxxxxxxxxx"}');
  const text = `{"results":[{"rows":[${rows.join()}]},{"rows":[${rows.join()}]}]}`;
  const fitted = fitAnswer(text, 3_000);
  expect(bytesOf(fitted)).toBeLessThanOrEqual(3_000);
  expect(fitted).toContain("18446744073709551615");
  const { results } = JSON.parse(fitted) as { results: Answer[] };
  expect(results.map((part) => part.rows.length)).toEqual([16, 16]);
});

it("never splits a character, and ends whatever it is given", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ id: fc.nat(), text: fc.string({ unit: "binary", maxLength: 4_000 }) })),
      (rows) => {
        const fitted = JSON.parse(fitAnswer(JSON.stringify({ rows }), 3_000)) as Answer;
        for (const [i, row] of fitted.rows.entries()) {
          expect(row.id).toBe(rows[i]?.id);
        }
      },
    ),
    { numRuns: 50 },
  );
});

interface Answer {
  readonly rows: readonly { readonly id: number; readonly body?: string }[];
  readonly truncated?: string;
}
