import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  datetimeMsMax,
  datetimeMsMin,
  formatDatetime,
  parseDatetime,
} from "../../src/document/datetime.ts";

describe("datetimes", () => {
  it.each([
    ["2024-03-02", "2024-03-02T00:00:00.000000000Z"],
    ["2024-03-02T10:30", "2024-03-02T10:30:00.000000000Z"],
    ["2024-03-02 10:30:15", "2024-03-02T10:30:15.000000000Z"],
    ["2024-03-02t10:30:15z", "2024-03-02T10:30:15.000000000Z"],
    ["2024-03-02T10:30:15.5Z", "2024-03-02T10:30:15.500000000Z"],
    ["2024-03-02T10:30:15.123999999", "2024-03-02T10:30:15.123000000Z"],
    ["2024-03-02T01:30:00+02:00", "2024-03-01T23:30:00.000000000Z"],
    ["2024-03-02T01:30:00-0530", "2024-03-02T07:00:00.000000000Z"],
    ["2024-12-31T23:00:00-02", "2025-01-01T01:00:00.000000000Z"],
    ["2024-02-29", "2024-02-29T00:00:00.000000000Z"],
    ["1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999000000Z"],
    ["0000-01-01", "0000-01-01T00:00:00.000000000Z"],
    ["9999-12-31T23:59:59.999", "9999-12-31T23:59:59.999000000Z"],
  ])("read %s as %s: naive is UTC, milliseconds are kept", (text, shown) => {
    const time = parseDatetime(text);
    expect(time).toBeTypeOf("number");
    expect(formatDatetime(time as number)).toBe(shown);
  });

  it.each([
    "",
    "2024",
    "2024-3-2",
    "2024-13-01",
    "2024-00-10",
    "2023-02-29",
    "1900-02-29",
    "2024-04-31",
    "2024-03-02T24:00:00Z",
    "2024-03-02T10:60:00Z",
    "2024-03-02T10:30:60Z",
    "2024-03-02T10",
    "2024-03-02Z",
    "2024-03-02T10:30:15.Z",
    "2024-03-02T10:30:15+25:00",
    "2024-03-02T10:30:15 Z",
    "0000-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-01:00",
    "tomorrow",
    "1709337600",
  ])("refuse %j", (text) => {
    expect(parseDatetime(text)).toBeUndefined();
  });

  it("agree with the platform's calendar on any millisecond of ten thousand years", () => {
    const instants = fc.integer({ min: datetimeMsMin, max: datetimeMsMax });
    fc.assert(
      fc.property(instants, (time) => {
        const iso = new Date(time).toISOString();
        expect(parseDatetime(iso)).toBe(time);
        expect(formatDatetime(time)).toBe(iso.replace("Z", "000000Z"));
      }),
    );
  });
});
