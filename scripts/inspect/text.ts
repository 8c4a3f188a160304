/** Lines of text that are put together field by field; what goes wrong becomes a line too. */
import { encodeHex } from "../../src/bytes/hex.ts";
import type { Line } from "./object.ts";

const flatMax = 400;

export class Text {
  readonly lines: Line[] = [];
  readonly rowsMax: number;

  constructor(rowsMax: number) {
    this.rowsMax = rowsMax;
  }

  title(text: string): void {
    this.lines.push({ kind: "title", text });
  }

  line(text: string): void {
    this.lines.push({ kind: "field", text });
  }

  field(name: string, value: string | number | bigint): void {
    this.line(`${name.padEnd(24)} ${value}`);
  }

  damage(text: string): void {
    this.lines.push({ kind: "damage", text });
  }

  /** Every member of the object on a line of its own. */
  value(title: string, value: object): void {
    this.title(title);
    for (const [name, member] of Object.entries(value)) this.field(name, this.flat(member));
  }

  /** The first few, and how many more there are. */
  rows<T>(items: readonly T[], render: (item: T, index: number) => string): void {
    for (const [index, item] of items.slice(0, this.rowsMax).entries()) {
      this.line(render(item, index));
    }
    if (items.length > this.rowsMax) this.line(`… and ${items.length - this.rowsMax} more`);
  }

  /** Any decoded value on one line. */
  flat(value: unknown): string {
    const text = typeof value === "string" ? value : JSON.stringify(value, plain);
    return text === undefined ? "" : text.length > flatMax ? `${text.slice(0, flatMax)}…` : text;
  }

  /** What `work` throws becomes the place where decoding stopped. */
  async guard(what: string, work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.damage(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

function plain(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return value.length > 64 ? `${value.length} bytes` : encodeHex(value);
  }
  if (value instanceof Map) return Object.fromEntries(value);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>);
  return typeof value === "bigint" ? String(value) : value;
}
