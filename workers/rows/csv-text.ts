/**
 * CSV (RFC 4180) in pieces: where records end in bytes, and the fields of whole records as text.
 *
 *   - a field that begins with a quote ends with one; inside, two stand for one, and separators and
 *     line ends are text. A quote elsewhere is a character like any other
 *   - a record ends with LF or CRLF; empty lines are no records
 *
 * Both halves go through the same four states, so that a record cut by the first is whole for the
 * second.
 */

const quote = 0x22;
const lineFeed = 0x0a;

/** Behind the record that begins at `from`, or -1 if it does not end within `bytes`. */
export function csvRecordEnd(bytes: Uint8Array, from: number, delimiter: number): number {
  let isQuoted = false;
  let atStart = true;
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at];
    if (isQuoted) {
      if (byte !== quote) continue;
      // Two in a row: quoted again with the next byte.
      if (bytes[at + 1] === quote) at += 1;
      else isQuoted = false;
      continue;
    }
    if (byte === lineFeed) return at + 1;
    isQuoted = byte === quote && atStart;
    atStart = byte === delimiter;
  }
  return -1;
}

export interface CsvRecord {
  readonly fields: readonly string[];
  /** What is wrong with it. */
  readonly fault?: string;
}

/** Whole records; `delimiter` is one character. */
export function* parseCsv(text: string, delimiter: string): Generator<CsvRecord, void> {
  let at = 0;
  while (at < text.length) {
    const fields: string[] = [];
    let fault: string | undefined;
    for (let isMore = true; isMore; ) {
      const field = readField(text, at, delimiter);
      fields.push(field.value);
      fault ??= field.fault;
      isMore = text[field.end] === delimiter;
      at = field.end + 1;
    }
    const isEmpty = fields.length === 1 && fields[0] === "" && fault === undefined;
    if (!isEmpty) yield { fields, ...(fault === undefined ? {} : { fault }) };
  }
}

interface Field {
  readonly value: string;
  /** Where the separator or line end behind it stands, or the end of the text. */
  readonly end: number;
  readonly fault?: string;
}

function readField(text: string, from: number, delimiter: string): Field {
  if (text.charCodeAt(from) !== quote) {
    const end = plainEnd(text, from, delimiter);
    return { value: withoutReturn(text, from, end), end };
  }
  let value = "";
  let start = from + 1;
  for (;;) {
    const close = text.indexOf('"', start);
    if (close < 0) {
      return { value: value + text.slice(start), end: text.length, fault: "a quote is not closed" };
    }
    value += text.slice(start, close);
    if (text.charCodeAt(close + 1) !== quote) {
      const end = plainEnd(text, close + 1, delimiter);
      const rest = withoutReturn(text, close + 1, end);
      const fault = "there is text behind a closing quote";
      return { value: value + rest, end, ...(rest === "" ? {} : { fault }) };
    }
    value += '"';
    start = close + 2;
  }
}

function plainEnd(text: string, from: number, delimiter: string): number {
  const code = delimiter.charCodeAt(0);
  for (let at = from; at < text.length; at++) {
    const here = text.charCodeAt(at);
    if (here === code || here === lineFeed) return at;
  }
  return text.length;
}

/** A field at the end of a line has the CR of CRLF behind it. */
function withoutReturn(text: string, from: number, end: number): string {
  const isLast = end === text.length || text.charCodeAt(end) === lineFeed;
  return text.slice(from, isLast && end > from && text[end - 1] === "\r" ? end - 1 : end);
}

/** The names of columns. Throws what `complain` makes of a name that stands twice. */
export function csvHeading(
  fields: readonly string[],
  complain: (reason: string) => Error,
): readonly string[] {
  const names = fields.map((name) => name.trim());
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw complain(`the heading names the column ${twice} twice`);
  return names;
}

export function csvRow(names: readonly string[], { fields, fault }: CsvRecord) {
  const { length } = fields;
  const wrong =
    length === names.length ? undefined : `${length} values for ${names.length} columns`;
  const row = Object.fromEntries(names.map((name, i) => [name, fields[i] ?? ""]));
  return { row, fault: fault ?? wrong };
}
