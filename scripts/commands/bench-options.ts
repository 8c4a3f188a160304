/** What the benches take and print alike. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plot } from "../bench/plots.ts";
import { type Dataset, DatasetError, openDataset } from "../datasets.ts";
import { cannotRun } from "../outcome.ts";

/** Not tracked by git: pictures, and data that was computed. */
export const benchFolder = join(import.meta.dirname, "../..", ".shoal", "bench");

export function openOrExplain(place: string): Dataset {
  try {
    return openDataset(place);
  } catch (error) {
    if (error instanceof DatasetError) throw cannotRun(error.message);
    throw error;
  }
}

/** `p50,p99` of reads in milliseconds is short for `get=p50/p99`; the rest is the setting's own. */
export function readLatency(setting: string): string {
  const match = /^(\d+(?:\.\d+)?),(\d+(?:\.\d+)?)(.*)$/.exec(setting);
  return match === null ? setting : `get=${match[1]}/${match[2]}${match[3]}`;
}

/** Prints lines for programs as they come, if they are wanted. */
export function lineWriter(json: boolean): (line: object) => void {
  return (line) => {
    if (json) console.log(JSON.stringify(line));
  };
}

/** The table for people, beside the lines if those are wanted. */
export function printTable(json: boolean, table: readonly string[]): void {
  const show = json ? console.error : console.log;
  for (const line of table) show(line);
}

export function savePlots(folder: string, plots: readonly Plot[]): void {
  mkdirSync(folder, { recursive: true });
  for (const { name, svg } of plots) writeFileSync(join(folder, `${name}.svg`), svg);
  console.error(`pictures: ${plots.map(({ name }) => join(folder, `${name}.svg`)).join(" ")}`);
}
