/** CSV: records found in bytes, and read from text. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvHeading, csvRecordEnd, csvRow, parseCsv } from "../../../workers/rows/csv-text.ts";

const fieldsOf = (text: string, delimiter = ",") =>
  Array.from(parseCsv(text, delimiter), ({ fields }) => fields);
const faultsOf = (text: string) => Array.from(parseCsv(text, ","), ({ fault }) => fault);

function cut(bytes: Uint8Array, delimiter = ","): readonly string[] {
  const records: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = csvRecordEnd(bytes, at, delimiter.charCodeAt(0));
    const to = end < 0 ? bytes.length : end;
    records.push(new TextDecoder().decode(bytes.subarray(at, to)));
    at = to;
  }
  return records;
}

describe("CSV", () => {
  it("has fields between separators and records between line ends", () => {
    expect(fieldsOf("a,b\n1,2\r\n,\n")).toEqual([
      ["a", "b"],
      ["1", "2"],
      ["", ""],
    ]);
    expect(fieldsOf("a;b", ";")).toEqual([["a", "b"]]);
  });

  it("lets quoted fields hold separators, line ends and quotes", () => {
    const [record] = fieldsOf('"a,b","c\r\nd","e ""f"""\n');
    expect(record).toEqual(["a,b", "c\r\nd", 'e "f"']);
  });

  it("takes a quote within a field for a character", () => {
    expect(fieldsOf('6" pipe,x\n')).toEqual([['6" pipe', "x"]]);
  });

  it("leaves out empty lines", () => {
    expect(fieldsOf("\na\n\r\n\nb\n\n")).toEqual([["a"], ["b"]]);
  });

  it("says what is wrong with a record, and goes on", () => {
    expect(faultsOf('"a"b,c\nd,e\n"f')).toEqual([
      "there is text behind a closing quote",
      undefined,
      "a quote is not closed",
    ]);
  });

  it("names the values of a record by its heading", () => {
    const names = csvHeading([" a ", "b"], (reason) => new Error(reason));
    expect(csvRow(names, { fields: ["1", "2"] })).toEqual({ row: { a: "1", b: "2" } });
    expect(csvRow(names, { fields: ["1"] }).fault).toBe("1 values for 2 columns");
    expect(() => csvHeading(["a", "a"], (reason) => new Error(reason))).toThrow("twice");
  });

  it("is cut in bytes where it is cut in text, whatever the fields hold", () => {
    const field = fc.string({ unit: fc.constantFrom("a", "é", '"', ",", "\n", "\r", " ", "🐳") });
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    const table = fc.array(fc.array(field, { minLength: 2, maxLength: 3 }), { minLength: 1 });
    fc.assert(
      fc.property(table, fc.constantFrom("\n", "\r\n"), (rows, end) => {
        const lines = rows.map((row) => row.map(quoted).join(",") + end);
        expect(fieldsOf(lines.join(""))).toEqual(rows);
        expect(cut(new TextEncoder().encode(lines.join("")))).toEqual(lines);
      }),
    );
  });

  it("is read alike whole and record by record, however broken it is", () => {
    const text = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r") });
    fc.assert(
      fc.property(text, (broken) => {
        const records = cut(new TextEncoder().encode(broken)).flatMap((each) => fieldsOf(each));
        expect(records).toEqual(fieldsOf(broken));
      }),
    );
  });
});
