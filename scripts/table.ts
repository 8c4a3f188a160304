/**
 * Plain-text tables for the terminal: columns as wide as their widest cell, numbers at the right.
 */

export type Cell = string | number;

/** Lines without a line end. Texts longer than `widthMax` are cut with an ellipsis. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  widthMax = 60,
): string[] {
  const cells = rows.map((row) => row.map((cell) => shorten(String(cell), widthMax)));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const numeric = headings.map((_, column) => rows.every((row) => typeof row[column] === "number"));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return numeric[column] ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  return [line(headings), line(widths.map((width) => "-".repeat(width))), ...cells.map(line)];
}

function shorten(text: string, widthMax: number): string {
  return text.length <= widthMax ? text : `${text.slice(0, widthMax - 1).trimEnd()}…`;
}
