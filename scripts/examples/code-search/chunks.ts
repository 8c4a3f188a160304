/**
 * A text in pieces that a person would point at. A syntax tree gives *blocks*: definitions with the
 * comments above them; those that are too long give the blocks inside them. Texts without a grammar
 * have paragraphs, and sections by headings.
 *
 * Blocks of six lines and more are a chunk each, with the few lines before them; smaller neighbours
 * share one. So an edit changes the chunk it is in, hardly ever those around it.
 */
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import type * as TreeSitter from "@vscode/tree-sitter-wasm";

const require = createRequire(import.meta.url);
const { Language, Parser } = require("@vscode/tree-sitter-wasm") as typeof TreeSitter;
const folder = dirname(require.resolve("@vscode/tree-sitter-wasm"));

const characters = { few: 300, aim: 1_200, most: 2_400 };
const ownChunkLines = 6;

export interface Chunk {
  /** What is defined here, if one name says it. */
  readonly symbol: string;
  readonly text: string;
  /** From 1, both inclusive. */
  readonly from: number;
  readonly to: number;
}

/** Lines from 0, both inclusive. */
interface Block {
  readonly from: number;
  readonly to: number;
  readonly symbol: string;
  /** Never shares a chunk with what is before it. */
  readonly opens?: boolean;
}

const grammars: Readonly<Record<string, readonly string[]>> = {
  typescript: [".ts", ".mts", ".cts"],
  tsx: [".tsx"],
  javascript: [".js", ".mjs", ".cjs", ".jsx"],
  python: [".py"],
  go: [".go"],
  rust: [".rs"],
  java: [".java"],
  cpp: [".c", ".h", ".cc", ".cpp", ".hpp"],
  "c-sharp": [".cs"],
  ruby: [".rb"],
  php: [".php"],
  bash: [".sh", ".bash"],
};
const grammarOf = new Map(
  Object.entries(grammars).flatMap(([name, endings]) => endings.map((ending) => [ending, name])),
);
const parsers = new Map<string, Promise<TreeSitter.Parser>>();

export async function chunkFile(path: string, text: string): Promise<readonly Chunk[]> {
  const lines = text.split("\n");
  const grammar = grammarOf.get(extname(path));
  if (grammar === undefined) return pack(paragraphs(lines), lines);
  const tree = (await openParser(grammar)).parse(text);
  if (tree === null) return pack(paragraphs(lines), lines);
  const chunks = pack(blocksIn(tree.rootNode, lines), lines);
  tree.delete();
  return chunks;
}

function openParser(grammar: string): Promise<TreeSitter.Parser> {
  const known = parsers.get(grammar);
  if (known !== undefined) return known;
  const opened = (async () => {
    await Parser.init({ locateFile: (file: string) => join(folder, file) });
    const parser = new Parser();
    parser.setLanguage(await Language.load(join(folder, `tree-sitter-${grammar}.wasm`)));
    return parser;
  })();
  parsers.set(grammar, opened);
  return opened;
}

function blocksIn(
  parent: TreeSitter.Node,
  lines: readonly string[],
  symbol = "",
): readonly Block[] {
  const blocks: Block[] = [];
  let comment: number | undefined;
  for (const node of parent.namedChildren) {
    if (node === null) continue;
    const from = comment ?? node.startPosition.row;
    const to = node.endPosition.row;
    if (/comment/.test(node.type)) {
      comment ??= node.startPosition.row;
      continue;
    }
    comment = undefined;
    const name = nameOf(node) || symbol;
    if (lengthOf(from, to, lines) <= characters.most || node.namedChildCount === 0) {
      blocks.push({ from, to, symbol: name });
      continue;
    }
    const inside = blocksIn(node, lines, name);
    const first = inside[0]?.from ?? to;
    if (first > from) blocks.push({ from, to: first - 1, symbol: name });
    blocks.push(...inside);
  }
  if (comment !== undefined) blocks.push({ from: comment, to: parent.endPosition.row, symbol });
  return blocks;
}

/** `export const a = …` and `class A` alike: the first name within two levels. */
function nameOf(node: TreeSitter.Node, levels = 2): string {
  const own = node.childForFieldName("name")?.text;
  if (own !== undefined) return own;
  if (levels === 0 || !/declar|export|decorated|definition|statement/.test(node.type)) return "";
  for (const child of node.namedChildren) {
    const name = child === null ? "" : nameOf(child, levels - 1);
    if (name !== "") return name;
  }
  return "";
}

function paragraphs(lines: readonly string[]): readonly Block[] {
  const blocks: Block[] = [];
  let from = 0;
  let symbol = "";
  let opens = false;
  lines.forEach((line, row) => {
    const heading = /^#{1,6}\s+(.*)/.exec(line)?.[1];
    if ((heading !== undefined || line.trim() === "") && row > from) {
      blocks.push({ from, to: row - 1, symbol, opens });
      from = row;
      opens = heading !== undefined;
    }
    symbol = heading ?? symbol;
  });
  return [...blocks, { from, to: lines.length - 1, symbol, opens }];
}

/** Every line that is not blank is in exactly one chunk. */
function pack(blocks: readonly Block[], lines: readonly string[]): readonly Chunk[] {
  const ranges: Block[] = [];
  let open: Block | undefined;
  let next = 0;
  const close = () => {
    if (open !== undefined) ranges.push(open);
    open = undefined;
  };
  const last: Block = { from: lines.length - 1, to: lines.length - 1, symbol: "" };
  for (const { from, to, symbol, opens = false } of [...blocks, last]) {
    if (to < next) continue;
    const alone = to - Math.max(from, next) + 1 >= ownChunkLines;
    const together = open === undefined ? 0 : lengthOf(open.from, to, lines);
    const few = open === undefined || lengthOf(open.from, open.to, lines) < characters.few;
    if (opens || (alone && !few) || together > characters.most) close();
    if (!alone && together > characters.aim) close();
    open = { from: open?.from ?? next, to, symbol: open?.symbol || symbol };
    if (alone) close();
    next = to + 1;
  }
  close();
  return ranges.flatMap((range) => cut(range, lines));
}

/** Blank lines at the ends go; what is too long for want of structure is cut at lines. */
function cut({ from, to, symbol }: Block, lines: readonly string[]): readonly Chunk[] {
  const chunks: Chunk[] = [];
  let start = from;
  for (let row = from; row <= to; row++) {
    const full = row < to && lengthOf(start, row + 1, lines) > characters.most;
    if (!full && row < to) continue;
    let [first, last] = [start, row];
    while (first <= last && lines[first]?.trim() === "") first += 1;
    while (last >= first && lines[last]?.trim() === "") last -= 1;
    const text = lines.slice(first, last + 1).join("\n");
    if (/\w/.test(text)) chunks.push({ symbol, text, from: first + 1, to: last + 1 });
    start = row + 1;
  }
  return chunks;
}

function lengthOf(from: number, to: number, lines: readonly string[]): number {
  let length = 0;
  for (let row = from; row <= to; row++) length += (lines[row]?.length ?? 0) + 1;
  return length;
}
