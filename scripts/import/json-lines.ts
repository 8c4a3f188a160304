/**
 * JSON lines: an object a line. Whole numbers that a double cannot hold stay exact, as BigInt.
 * Empty lines are no rows.
 */
import type { ByteSource } from "./byte-source.ts";
import { type Row, type RowSource, SourceError, skipRows } from "./row-source.ts";

const stretchRows = 1_000;
const lineCharactersMax = 64 * 1024 * 1024;

export function openJsonLines(bytes: ByteSource): RowSource {
  const { name, identity, share } = bytes;
  return {
    name,
    identity,
    rows: undefined,
    types: {},
    isText: false,
    numbersRows: false,
    ...(share && { share }),
    stretches: (from) => skipRows(parseLines(bytes), from),
  };
}

async function* parseLines(bytes: ByteSource): AsyncGenerator<readonly Row[]> {
  let rows: Row[] = [];
  let number = 0;
  for await (const line of linesOf(bytes.chunks())) {
    number += 1;
    if (line.trim() === "") continue;
    rows.push(parseRow(line, number));
    if (rows.length === stretchRows) {
      yield rows;
      rows = [];
    }
  }
  if (rows.length > 0) yield rows;
}

export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > lineCharactersMax) throw new SourceError("a line is longer than 64 MiB");
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

function parseRow(line: string, number: number): Row {
  let value: unknown;
  try {
    value = parseExactly(line);
  } catch (error) {
    throw new SourceError(`line ${number} is no JSON: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new SourceError(`line ${number} is no JSON object`);
  }
  return value as Row;
}

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

/** Only a line that has a long number pays for it. */
export function parseExactly(line: string): unknown {
  return /\d{16}/.test(line) ? JSON.parse(line, keepExact as never) : JSON.parse(line);
}

const keepExact: Reviver = (_key, value, { source = "" }) =>
  typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
    ? BigInt(source)
    : value;
