/**
 * Pins: what a long reader, or a branch in the making, asks to be left alone: one manifest version
 * and its tail. Pure; kept in the job table, so that a claim and the pins it must respect are one
 * write.
 *
 * A pin ends when nobody renews it, when it is released, or when the table is lost: its holder
 * finds out on renewal or meets an object that is gone, and then begins again or fails, never
 * skips. A pin that ended is never alive again. Why a collection needs to know only the pins that
 * were alive when it was claimed: a later pin names a manifest at least as new as the job's, and
 * what was dead there is named nowhere after.
 */
import type { Settings } from "../document/settings.ts";
import type { Manifest } from "../format/manifest.ts";
import { limits } from "../limits.ts";
import { type JobTable, lasts } from "./jobs.ts";

/** What is pinned, by whom: whoever knows its id. */
export interface Pin {
  readonly id: string;
  readonly generation: string;
  /** Manifest version, with everything it names, and its tail up to `next`. */
  readonly version: number;
  readonly next: number;
  /** Slots of the tail that count as entries without members. */
  readonly skipped?: readonly number[];
  /** Those at `next`; of a point of the past, those when it was pinned. */
  readonly settings: Settings;
  /** Of the newest entry when it was pinned: nothing of it is newer. */
  readonly lastMs: number;
  readonly untilMs: number;
}

/** As it is given out. */
export interface GivenPin extends Pin {
  /** What it names, if its giver had it in memory. */
  readonly manifest?: Manifest;
}

/** A state of a namespace: that of a manifest version, and the log from its floor up to `next`. */
export interface PastPoint {
  readonly generation: string;
  readonly version: number;
  readonly next: number;
  readonly skipped: readonly number[];
  /** When something that it names may have died at the earliest. */
  readonly supersededMs: number;
}

export interface PinChange {
  readonly table: JobTable;
  readonly value: Pin;
}

export function alivePins({ pins }: JobTable, nowMs: number): readonly Pin[] {
  return pins.filter(({ untilMs }) => lasts(untilMs, limits.pinMs, nowMs));
}

/** The table without pins that ended: from now on they cannot be renewed. */
export function dropEndedPins(table: JobTable, nowMs: number): JobTable {
  const pins = alivePins(table, nowMs);
  return pins.length === table.pins.length ? table : { ...table, pins };
}

/** Undefined if there are too many. */
export function addPin(
  table: JobTable,
  pin: Omit<Pin, "untilMs">,
  nowMs: number,
): PinChange | undefined {
  const pins = alivePins(table, nowMs);
  if (pins.length >= limits.pinsMax) {
    return undefined;
  }
  const added = { ...pin, untilMs: nowMs + limits.pinMs };
  return { table: { ...table, pins: [...pins, added] }, value: added };
}

/** Undefined if it ended. */
export function renewPin(table: JobTable, id: string, nowMs: number): PinChange | undefined {
  const pins = alivePins(table, nowMs);
  const held = pins.find((pin) => pin.id === id);
  if (held === undefined) {
    return undefined;
  }
  const pin = { ...held, untilMs: nowMs + limits.pinMs };
  return {
    table: { ...table, pins: pins.map((each) => (each === held ? pin : each)) },
    value: pin,
  };
}

export function releasePin(table: JobTable, id: string): JobTable {
  return { ...table, pins: table.pins.filter((pin) => pin.id !== id) };
}
