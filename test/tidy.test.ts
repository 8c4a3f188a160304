/**
 * The habits of this repository that a compiler does not check: layout, names, direction of
 * imports, who may change storage, and that a clone is self-contained. What a linter can see (no
 * `any`, no floating promise, length of functions ...) is in .oxlintrc.json; tidy/lint.test.ts
 * proves that it bites.
 */
import { dirname, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { complainAboutImport } from "./tidy/layers.ts";
import { locate, paths, readBytes, readSource, readText, sourceFiles } from "./tidy/tree.ts";

const engine = sourceFiles("src");
const deployed = [...engine, ...sourceFiles("workers", "durable-objects")];
const product = [...deployed, ...sourceFiles("scripts")];
const everything = [...product, ...sourceFiles("test")];

describe("files", () => {
  it("open with a header that says what they are for", () => {
    const bare = product.filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text));
    expect(bare.map(({ path }) => path)).toEqual([]);
  });

  it("have at most 400 lines, and comments of at most 100 columns", () => {
    // The formatter breaks code at 100 columns, but leaves a literal that cannot be broken.
    const unchecked = paths.filter((path) => /\.(as\.ts|mjs)$/.test(path)).map(readSource);
    const wrong = [...everything, ...unchecked].flatMap(({ path, text, code }) => {
      const lines = text.split("\n");
      const withoutComments = code.split("\n");
      const wide = lines.findIndex((line, index) => {
        const width = Array.from(line).length;
        return width > (line === withoutComments[index] ? 120 : 100);
      });
      return [
        ...(lines.length > 401 ? [`${path} has ${lines.length - 1} lines`] : []),
        ...(wide >= 0 ? [`${path}:${wide + 1} is ${lines[wide]?.length} columns wide`] : []),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("are named in kebab-case after a noun, never after nothing in particular", () => {
    const vague = /(^|-)(utils?|common|helpers?|types|misc|managers?)(-|$)/;
    const plain = /^[a-z0-9]+(-[a-z0-9]+)*$/;
    const wrong = everything.filter(({ path }) => {
      const names = path.replace(/(\.worker)?(\.test)?(\.d)?\.ts$/, "").split("/");
      return names.some((name) => vague.test(name) || !plain.test(name));
    });
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it("of the engine are imported by more than their own test", () => {
    const users = new Map<string, Set<string>>();
    for (const { path, imports } of everything) {
      for (const { target } of imports) {
        users.set(target, (users.get(target) ?? new Set()).add(path));
      }
    }
    const dead = engine.filter(({ path }) => {
      const ownTest = path.replace(/^src\//, "test/").replace(/\.ts$/, ".test.ts");
      const others = [...(users.get(path) ?? [])].filter((user) => user !== ownTest);
      return others.length === 0 && !path.endsWith(".d.ts");
    });
    expect(dead.map(({ path }) => path)).toEqual([]);
  });
});

describe("imports", () => {
  it("go down only, and only the platform's folders know the platform", () => {
    const wrong = deployed.flatMap((file) =>
      file.imports.flatMap((target) => complainAboutImport(file, target) ?? []),
    );
    expect(wrong).toEqual([]);
  });

  it("name files by their extension, and stay inside the repository", () => {
    const built = "src/kernels/kernels.wasm";
    const known = new Set([...paths, built]);
    const wrong = everything.flatMap(({ path, imports }) =>
      imports
        .filter(({ from, target }) => from.startsWith(".") && !known.has(target))
        .map(({ from }) => `${path} imports ${from}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe("effects", () => {
  it("on storage are ordered in the flows and in store/, nowhere else", () => {
    const mayChangeStorage = /^src\/(store\/.*|[^/]+\.ts)$|^workers\/platform\//;
    const change = /\b\w*(store|bucket|objects?)\.(put|delete)\(/i;
    const others = deployed.filter(({ path }) => !mayChangeStorage.test(path));
    expect(others.flatMap((file) => locate(file, change))).toEqual([]);
  });

  it("on R2 and the Cache API go through workers/platform", () => {
    const names = /\b(R2[A-Z]\w+|caches\.(default|open))\b/;
    const others = deployed.filter(({ path }) => !path.startsWith("workers/platform/"));
    expect(others.flatMap((file) => locate(file, names))).toEqual([]);
  });

  it("of time enter the engine through ports.clock", () => {
    expect(engine.flatMap((file) => locate(file, /\bnew Date\(\)/))).toEqual([]);
  });
});

describe("the repository", () => {
  const isText = (path: string) => !readBytes(path).subarray(0, 8192).includes(0);
  const texts = paths.filter(isText).map((path) => ({ path, code: readText(path) }));
  const find = (pattern: RegExp) => texts.flatMap((file) => locate(file, pattern));

  it("locks versions without saying where they were downloaded from", () => {
    const locks = paths.filter((path) => posix.basename(path) === "package-lock.json");
    expect(locks).toHaveLength(3);
    for (const lock of locks) expect(readText(lock), lock).not.toMatch(/"resolved":/);
  });

  it("names no place outside of itself", () => {
    const absolute = /(?<![\w.~/-])\/(work|home|root|tmp|Users|mnt|srv)\/[\w.-]/;
    const foreign = /(?<![\w/-])(shared|origins)\/(design|reference|data|hooks)\b/;
    const hosts = /\b(localhost:4[8]73|registry\.(npmjs|yarnpkg|npmmirror))\b/;
    expect([...find(absolute), ...find(foreign), ...find(hosts)]).toEqual([]);
  });

  it("links only to files it holds", () => {
    const known = new Set([...paths, ...paths.map((path) => dirname(path))]);
    const broken = texts
      .filter(({ path }) => path.endsWith(".md"))
      .flatMap(({ path, code }) =>
        Array.from(code.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g), ([, link]) => link ?? "")
          .filter((link) => !known.has(posix.join(posix.dirname(path), link).replace(/\/$/, "")))
          .map((link) => `${path} links to ${link}`),
      );
    expect(broken).toEqual([]);
  });

  it("holds no large file but the demo assets that assets/README.md names", () => {
    const named = paths.includes("assets/README.md") ? readText("assets/README.md") : "";
    const isAsset = (path: string) =>
      path.startsWith("assets/") && named.includes(posix.basename(path));
    const large = paths.filter(
      (path) => readBytes(path).length > (isAsset(path) ? 8 : 1) * 1024 * 1024,
    );
    expect(large).toEqual([]);
  });
});
