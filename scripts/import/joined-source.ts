/**
 * Vectors from one file and what belongs to them from another, row by row: `vectors.npy` with
 * `--attributes rows.csv`. Both must have as many rows.
 */
import { type Row, type RowSource, SourceError } from "./row-source.ts";

export function joinSources(main: RowSource, side: RowSource): RowSource {
  const isKnown = main.identity !== undefined && side.identity !== undefined;
  const rows = main.rows ?? side.rows;
  return {
    name: main.name,
    identity: isKnown ? `${main.identity}\n${side.identity}` : undefined,
    rows,
    types: { ...side.types, ...main.types },
    isText: side.isText,
    numbersRows: side.numbersRows,
    ...((main.share ?? side.share) && { share: () => (main.share ?? side.share ?? (() => 0))() }),
    stretches: (from) => zip(main, side, from),
  };
}

async function* zip(main: RowSource, side: RowSource, from: number): AsyncGenerator<Row[]> {
  const others = side.stretches(from)[Symbol.asyncIterator]();
  let rest: readonly Row[] = [];
  let row = from;
  for await (const rows of main.stretches(from)) {
    while (rest.length < rows.length) {
      const next = await others.next();
      if (next.done === true) {
        throw new SourceError(
          `${side.name} ends at row ${row + rest.length}, ${main.name} goes on`,
        );
      }
      rest = [...rest, ...next.value];
    }
    yield rows.map((each, index) => ({ ...rest[index], ...each }));
    rest = rest.slice(rows.length);
    row += rows.length;
  }
  if (rest.length > 0 || (await others.next()).done !== true) {
    throw new SourceError(`${side.name} has more rows than ${main.name}`);
  }
}
