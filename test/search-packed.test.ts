/**
 * Documents of every type through write, tail, flush and merge, as JSON goes in and comes out. What
 * is expected is written down beside each type, not computed by the engine.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeBase64 } from "../src/bytes/base64.ts";
import { bytesOf } from "../src/bytes/typed-view.ts";
import type { DistanceMetric, VectorElement } from "../src/document/schema.ts";
import { write } from "../src/write.ts";
import { encodeJson, type JsonEncodable, parseJson } from "../workers/api/json.ts";
import { parseQueryRequest } from "../workers/api/query-request.ts";
import { renderPartsResponse } from "../workers/api/query-response.ts";
import { buildWrite } from "../workers/api/write-batch.ts";
import { parseWriteRequest } from "../workers/api/write-request.ts";
import { asParts, SearchRig } from "./search-rig.ts";

/** A value as sent, and as it comes back as numbers and as base64. */
interface Cell {
  readonly sent: JsonEncodable;
  readonly shown: unknown;
  readonly base64: unknown;
}

const uuid = "123e4567-e89b-12d3-a456-426614174000";

function same<T extends JsonEncodable>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<Cell> {
  return arbitrary.map((value) => ({ sent: value, shown: value, base64: value }));
}

const integer = fc.oneof(fc.integer(), fc.constantFrom(2n ** 62n, 0, 2n ** 53n));
const signed = fc.oneof(integer, fc.constant(-(2n ** 63n)));
const moment = fc.constantFrom(
  ["2024-03-02", "2024-03-02T00:00:00.000000000Z"],
  ["1969-12-31T23:59:59.9999-01:00", "1970-01-01T00:59:59.999000000Z"],
);
const identifier = fc.constantFrom([uuid.toUpperCase(), uuid], [uuid.replaceAll("-", ""), uuid]);
const anyReal = fc.double({ noNaN: true, min: -1e15, max: 1e15 });
const real = anyReal.map((x) => (x === 0 ? 0 : x));

function pairs(pair: fc.Arbitrary<readonly [string, string]>): fc.Arbitrary<Cell> {
  return pair.map(([sent, shown]) => ({ sent, shown, base64: shown }));
}

function lists(pair: fc.Arbitrary<readonly [string, string]>): fc.Arbitrary<Cell> {
  return fc.array(pair, { maxLength: 3 }).map((each) => {
    const shown = each.map(([, text]) => text);
    return { sent: each.map(([text]) => text), shown, base64: shown };
  });
}

/** Components that the element holds exactly, in few digits: as numbers or as base64 of f32. */
function vector(element: VectorElement, dims: number): fc.Arbitrary<Cell> {
  const component =
    element === "i8"
      ? fc.integer({ min: -128, max: 127 })
      : element === "f16"
        ? fc.integer({ min: -2_048, max: 2_047 }).map((x) => x / 16)
        : fc.integer({ min: -(2 ** 20), max: 2 ** 20 }).map((x) => x / 2);
  const values = fc.array(component, { minLength: dims, maxLength: dims });
  return fc.tuple(values, fc.boolean()).map(([numbers, asText]) => {
    const floats = Float32Array.from(numbers);
    const stored =
      element === "i8"
        ? Int8Array.from(numbers)
        : element === "f16"
          ? Uint16Array.from(numbers, halfBits)
          : floats;
    return {
      sent: asText ? encodeBase64(bytesOf(floats)) : numbers,
      shown: numbers,
      base64: encodeBase64(bytesOf(stored)),
    };
  });
}

/** Bits of sixteenths below 128, by definition of the format. */
function halfBits(value: number): number {
  if (value === 0) return 0;
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  const fraction = (Math.abs(value) / 2 ** exponent - 1) * 1_024;
  return (value < 0 ? 0x8000 : 0) + ((exponent + 15) << 10) + fraction;
}

const views = fc.array(vector("f32", 2), { maxLength: 3 }).map((each) => ({
  sent: each.map(({ sent }) => sent),
  shown: each.map(({ shown }) => shown),
  base64: each.map(({ base64 }) => base64),
}));

const weights = fc.dictionary(fc.string({ maxLength: 5 }), fc.integer({ min: -99, max: 99 }));
const blob = fc.uint8Array({ maxLength: 40 }).map(encodeBase64);
const short = fc.string({ maxLength: 20 });
const list = <T>(element: fc.Arbitrary<T>) => fc.array(element, { maxLength: 4 });

/** Every type of the API but the primary vector, with its values. */
const types: Readonly<Record<string, fc.Arbitrary<Cell>>> = {
  string: same(short),
  int: same(signed),
  uint: same(integer.map((x) => (x < 0 ? -x : x))),
  float: same(real),
  bool: same(fc.boolean()),
  uuid: pairs(identifier),
  datetime: pairs(moment),
  bytes: same(blob),
  "[]string": same(list(short)),
  "[]int": same(list(signed)),
  "[]uint": same(list(integer.map((x) => (x < 0 ? -x : x)))),
  "[]float": same(list(real)),
  "[]bool": same(list(fc.boolean())),
  "[]uuid": lists(identifier),
  "[]datetime": lists(moment),
  "[3]f32": vector("f32", 3),
  "[3]f16": vector("f16", 3),
  "[3]i8": vector("i8", 3),
  "[][2]f32": views,
  "{}f16": same(weights),
};

const isDense = (type: string): boolean => /^\[\d/.test(type);

function schemaOf(element: VectorElement): JsonEncodable {
  const entries = Object.keys(types).map((type): [string, JsonEncodable] => [
    `a ${type}`,
    {
      type,
      ...(isDense(type) ? { ann: true } : {}),
      ...(type === "{}f16" ? { sparse_knn: { distance_metric: "dot_product" } } : {}),
    },
  ]);
  return { vector: { type: `[3]${element}`, ann: true }, ...Object.fromEntries(entries) };
}

type Document = ReadonlyMap<string, Cell>;

function anyDocument(element: VectorElement): fc.Arbitrary<Document> {
  const fields = Object.entries(types).map(([type, cell]) =>
    (isDense(type) ? cell : fc.option(cell, { nil: null })).map(
      (value) => [`a ${type}`, value] as const,
    ),
  );
  return fc
    .tuple(vector(element, 3), fc.tuple(...fields))
    .map(
      ([own, others]) =>
        new Map<string, Cell>([
          ["vector", own],
          ...others.flatMap(([name, cell]) => (cell === null ? [] : [[name, cell] as const])),
        ]),
    );
}

class TypedRig extends SearchRig {
  readonly element: VectorElement;
  readonly documents = new Map<number, Document>();

  constructor(element: VectorElement, metric: DistanceMetric) {
    super({ dims: 3, metric });
    this.element = element;
  }

  async send(documents: ReadonlyMap<number, Document>, byColumns: boolean): Promise<void> {
    const names = ["vector", ...Object.keys(types).map((type) => `a ${type}`)];
    const rows = [...documents].map(([id, document]) => ({
      id,
      ...Object.fromEntries(names.map((name) => [name, document.get(name)?.sent ?? null])),
    }));
    const columns = {
      id: [...documents.keys()],
      ...Object.fromEntries(
        names.map((name) => [
          name,
          [...documents.values()].map((document) => document.get(name)?.sent ?? null),
        ]),
      ),
    };
    const body: JsonEncodable = {
      ...(byColumns ? { upsert_columns: columns } : { upsert_rows: rows }),
      schema: schemaOf(this.element),
      distance_metric: this.options.metric,
    };
    const request = parseWriteRequest(parseJson(encodeJson(body)));
    const options = { disableBackpressure: false };
    await this.clock.run(
      write(this.ports(), this.writeTarget, (schema) => buildWrite(request, schema), options),
    );
    for (const [id, document] of documents) this.documents.set(id, document);
  }

  /** All documents, in both encodings, are what was written. */
  async expectAll(): Promise<void> {
    for (const [encoding, form] of [
      ["float", "shown"],
      ["base64", "base64"],
    ] as const) {
      const query = { rank_by: ["id", "asc"], limit: 100, include_attributes: true };
      const { rows } = (await this.answer({ ...query, vector_encoding: encoding })) as {
        rows: unknown;
      };
      const expected = [...this.documents]
        .sort(([a], [b]) => a - b)
        .map(([id, document]) => ({
          id,
          ...Object.fromEntries(Array.from(document, ([name, cell]) => [name, cell[form]])),
        }));
      expect(normal(rows)).toEqual(normal(expected));
    }
  }

  async answer(body: object): Promise<unknown> {
    const result = await this.search(body);
    const { vectorEncoding } = parseQueryRequest(body);
    return parseJson(encodeJson(renderPartsResponse(asParts(result), false, vectorEncoding, 1)));
  }
}

/** For comparison: integers are one kind whether they came as numbers or as bigints. */
function normal(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, each: unknown) =>
      typeof each === "bigint" || Number.isInteger(each)
        ? `${BigInt(each as number | bigint)}n`
        : each,
    ),
  );
}

for (const element of ["f32", "f16", "i8"] as const) {
  test(`documents of every type come back as they were written (vectors of ${element})`, async () => {
    const step = fc.record({
      documents: fc
        .array(fc.tuple(fc.integer({ min: 1, max: 12 }), anyDocument(element)), {
          minLength: 1,
          maxLength: 4,
        })
        .map((entries) => new Map(entries)),
      byColumns: fc.boolean(),
      flush: fc.boolean(),
      forget: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
        const rig = new TypedRig(element, "euclidean_squared");
        for (const { documents, byColumns, flush, forget } of steps) {
          await rig.send(documents, byColumns);
          if (flush) await rig.flush();
          if (forget) rig.newIsolate();
          await rig.expectAll();
        }
      }),
      { numRuns: 10 },
    );
  });
}
