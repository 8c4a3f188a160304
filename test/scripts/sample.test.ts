import { expect, it } from "vitest";
import { loadEncoder } from "../../scripts/embed.ts";
import { readSample, sampleQuestion } from "../../scripts/sample.ts";

const sample = readSample();

it("numbers 300 distinct documents from 1", () => {
  expect(sample.map(({ id }) => id)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
  expect(new Set(sample.map(({ title }) => title)).size).toBe(sample.length);
  expect(new Set(sample.map(({ text }) => text)).size).toBe(sample.length);
});

it("has the attributes that assets/README.md describes, of the types it names", () => {
  for (const document of sample) {
    const { id, title, text, topic, year, tags, depth_m, ...others } = document;
    expect(others).toEqual({});
    expect([typeof title, typeof text, typeof topic]).toEqual(["string", "string", "string"]);
    expect(Number.isInteger(year)).toBe(true);
    expect(tags.length).toBeGreaterThan(0);
    expect(depth_m === undefined || Number.isInteger(depth_m), `depth of ${id}`).toBe(true);
  }
  expect(new Set(sample.map(({ topic }) => topic)).size).toBe(12);
});

it("answers the question of npm start with documents about parents and eggs", () => {
  const { embed } = loadEncoder();
  const question = embed(sampleQuestion);
  const nearness = (text: string): number =>
    embed(text).reduce((sum, value, d) => sum + value * (question[d] ?? 0), 0);
  const ranked = sample
    .map(({ title, text }) => ({ title, nearness: nearness(`${title}. ${text}`) }))
    .sort((a, b) => b.nearness - a.nearness);
  expect(ranked.slice(0, 3).map(({ title }) => title)).toEqual([
    "Fifty-three months on the eggs",
    "The father carries the eggs",
    "Holding on to a stone",
  ]);
});
