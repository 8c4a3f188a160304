/** Numbers, sizes, times and values as people read them. */
import { printJson } from "./json.ts";

const whole = new Intl.NumberFormat("en-US");

export function formatCount(count: number | bigint): string {
  return whole.format(count);
}

/** `1 segment`, `2 segments`. */
export function countOf(count: number, thing: string): string {
  return `${formatCount(count)} ${thing}${count === 1 ? "" : "s"}`;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

export function formatTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime()) || time.getTime() === 0) return "never";
  return time.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

export function formatAge(iso: string, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(iso)) / 1_000));
  if (!Number.isFinite(seconds)) return "never";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

export function formatDollars(dollars: number): string {
  if (dollars === 0) return "$0";
  const digits = dollars < 0.01 ? dollars.toPrecision(2) : dollars.toFixed(2);
  return `$${Number(digits).toLocaleString("en-US", { maximumSignificantDigits: 3 })}`;
}

export function formatShare(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** One line for a cell of a table. */
export function formatValue(value: unknown, charactersMax = 120): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" ? value : (printJson(value) ?? "");
  return text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text;
}
