import { expect, test } from "vitest";
import { ancestorsOf, homeOfEntry, inheritedFrom, stretchesOf } from "../../src/format/homes.ts";
import { type Manifest, noneDead } from "../../src/format/manifest.ts";
import { firstManifest } from "../../src/namespace/state.ts";

const inherited = [
  { generation: "first", from: 3, to: 5 },
  { generation: "second", from: 5, to: 6 },
];
const manifest: Manifest = { ...firstManifest("own"), floor: 3, inherited };

test("an entry lies below the generation that wrote it", () => {
  const homes = [3, 4, 5, 6, 700].map((sequence) => homeOfEntry(manifest, sequence));
  expect(homes).toEqual(["first", "first", "second", "own", "own"]);
});

test("a range of the log is cut where its entries change their home", () => {
  expect(stretchesOf(manifest, { from: 4, to: 8 })).toEqual([
    { generation: "first", from: 4, to: 5 },
    { generation: "second", from: 5, to: 6 },
    { generation: "own", from: 6, to: 8 },
  ]);
  expect(stretchesOf(manifest, { from: 3, to: 4 })).toEqual([
    { generation: "first", from: 3, to: 4 },
  ]);
  expect(stretchesOf(firstManifest("own"), { from: 2, to: Number.POSITIVE_INFINITY })).toEqual([
    { generation: "own", from: 2, to: Number.POSITIVE_INFINITY },
  ]);
});

test("what falls below the floor is inherited no more", () => {
  expect(inheritedFrom(inherited, 3)).toEqual(inherited);
  expect(inheritedFrom(inherited, 4)[0]).toEqual({ generation: "first", from: 4, to: 5 });
  expect(inheritedFrom(inherited, 5)).toEqual([inherited[1]]);
  expect(inheritedFrom(inherited, 6)).toEqual([]);
});

test("ancestors are those of entries, segments and bitmaps", () => {
  const info = (home: string, dead: Manifest["segments"][number]["dead"]) =>
    ({ id: home, home, dead }) as Manifest["segments"][number];
  const bitmap = { ...noneDead, version: 2, name: "2-x", home: "third" };
  const segments = [info("own", noneDead), info("second", bitmap)];
  expect([...ancestorsOf({ ...manifest, segments })].toSorted()).toEqual([
    "first",
    "second",
    "third",
  ]);
  expect(ancestorsOf({ ...manifest, inherited: [], segments: [] }).size).toBe(0);
});
