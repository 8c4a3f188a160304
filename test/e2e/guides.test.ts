/**
 * Every block of the guides that can be run is, in the order in which they stand, against a server
 * of their own.
 *
 *   sh, js                 run; must end well, and not with an error of the API
 *   sh with-object <name>  the same, with that object in the bucket
 *   output                 behind such a block: lines that it prints, "…" for whatever is between
 *   text                   for people only: it needs an account, or shows a shape
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBucket } from "../../scripts/bucket.ts";
import { type Shoal, spawnShoal } from "../../scripts/miniflare.ts";
import { startShell } from "./command.ts";

const folder = join(import.meta.dirname, "../../docs");
const guides = readdirSync(folder).filter((name) => name.endsWith(".md"));
const stateDir = mkdtempSync(join(tmpdir(), "shoal-guides-"));
const objects: Readonly<Record<string, string>> = {
  "films.csv": 'show_id,title,year\ns1,Jaws,1975\ns2,"Splash, again",1984\n',
};
let server: Shoal;

beforeAll(async () => {
  server = await spawnShoal({ stateDir });
});
afterAll(async () => {
  await server.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

interface Block {
  readonly language: string;
  readonly info: string;
  readonly text: string;
  readonly output: readonly string[];
}

function blocksOf(guide: string): readonly Block[] {
  const text = readFileSync(join(folder, guide), "utf8");
  const all = Array.from(text.matchAll(/^```(\w*)(.*)\n([\s\S]*?)^```$/gm));
  return all.map(([, language = "", info = "", content = ""], i) => {
    const next = all[i + 1];
    const output = next?.[1] === "output" ? (next[3] ?? "").trimEnd().split("\n") : [];
    return { language, info: info.trim(), text: content, output };
  });
}

async function run({ language, info, text }: Block): Promise<string> {
  const [option, name = ""] = info.split(" ");
  if (option === "with-object") await putObject(name);
  const script = text.replaceAll("http://127.0.0.1:8787", server.directUrl);
  const line = language === "js" ? `node --input-type=module <<'END'\n${script}\nEND` : script;
  const env = `export SHOAL_URL=${server.directUrl} SHOAL_API_KEY=${server.apiKey}`;
  const command = startShell(`set -e\n${env}\n${line}`);
  expect(await command.ended, `${text}\n${command.stdout()}\n${command.stderr()}`).toBe(0);
  return command.stdout();
}

async function putObject(name: string): Promise<void> {
  const bucket = await openBucket({ state: stateDir, remote: false }, { writes: true });
  try {
    const bytes = new TextEncoder().encode(objects[name]);
    await bucket.store.put(`imports/default/${name}`, bytes, { kind: "create" });
  } finally {
    await bucket.close();
  }
}

const plain = (text: string): string => text.replaceAll(/\s+/g, " ");

function expectPrinted(printed: string, line: string): void {
  let rest = plain(printed);
  for (const piece of line.split("…").map((part) => plain(part).trim())) {
    const at = rest.indexOf(piece);
    expect(at, `${line}\n is not in \n${printed}`).toBeGreaterThanOrEqual(0);
    rest = rest.slice(at + piece.length);
  }
}

describe("the blocks of", () => {
  it.each(guides)("%s do what they say", { timeout: 180_000 }, async (guide) => {
    for (const block of blocksOf(guide)) {
      expect(["sh", "js", "output", "text"], `${guide}: ${block.text}`).toContain(block.language);
      if (block.language !== "sh" && block.language !== "js") continue;
      const printed = await run(block);
      expect(printed).not.toContain('"status":"error"');
      for (const line of block.output) expectPrinted(printed, line);
    }
  });

  it("guides are all in their list", () => {
    const list = readFileSync(join(folder, "README.md"), "utf8");
    for (const guide of guides) {
      if (guide !== "README.md") expect(list).toContain(`(${guide})`);
    }
  });
});
