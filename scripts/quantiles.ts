/** Summaries of measured values. */

/** The value below which the share `q` of the values lies (nearest rank). 0 for none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = Float64Array.from(values).sort();
  const rank = Math.ceil(q * sorted.length) - 1;
  return sorted[Math.min(Math.max(rank, 0), sorted.length - 1)] ?? 0;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Rounds for output: measured values carry no more than a few digits. */
export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
