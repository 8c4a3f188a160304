/**
 * What can go wrong in a simulated world, and what must have happened somewhere in a batch of
 * worlds. Each world gets a random half of the faults at rates of its own: some bugs only show
 * where the faults that would hide them are absent.
 */
import type { SimRandom } from "./random.ts";

export const faultKinds = [
  "put-lost",
  "put-unanswered",
  "put-late",
  "put-throttled",
  "pointer-stuck",
  "refs-stuck",
  "read-lost",
  "read-corrupt",
  "read-short",
  "list-short",
  "delete-lost",
  "delete-unanswered",
  "store-slow",
  "object-rots",
  "call-lost",
  "reply-lost",
  "call-broken",
  "call-overloaded",
  "object-crash",
  "object-replaced",
  "storage-slow",
  "storage-fails",
  "storage-wiped",
  "alarm-late",
  "alarm-fails",
  "hint-lost",
  "hint-repeated",
  "hint-late",
  "consumer-crash",
  "consumer-stalls",
  "isolate-crash",
  "request-aborted",
  "process-sleeps",
  "edge-stale",
  "edge-corrupt",
  "edge-fails",
  "edge-evicted",
  "clock-jump",
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** Turns of the protocol that a batch must have taken at least once. */
export const branches = [
  "slot: adopted",
  "slot: ours after precondition",
  "slot: fence entry",
  "slot: several members",
  "manifest: adopted",
  "manifest: ours after precondition",
  "commit: stale schema",
  "commit: outcome unknown",
  "commit: refused, overloaded",
  "commit: attachment",
  "key: repeated",
  "key: conflict",
  "key: read from an object",
  "keys: folded",
  "rewrite: refused",
  "rewrite: pinned too low",
  "rewrite: held back",
  "rewrite: nothing to do",
  "change: partial",
  "change: too much",
  "change: repeated",
  "change: filter tried on earlier matches",
  "call: fenced",
  "call: repeated",
  "ticket: void",
  "ticket: wait",
  "delta: refused",
  "delta: repeated",
  "job: flush",
  "job: merge",
  "merge: went on from a step",
  "merge: began anew",
  "recall: noted",
  "recall: of another life",
  "job: collect",
  "job: purge",
  "job: warm",
  "job: failed",
  "collect: orphans",
  "branch: made",
  "branch: of a branch",
  "branch: entered before its refs",
  "branch: given up",
  "branch: refused",
  "branch: pin lost",
  "branch: outlives its parent",
  "copy: made",
  "copy: stands alone",
  "settings: read-only",
  "settings: write refused",
  "shards: flush of several",
  "shards: merge of one",
  "shards: come apart",
  "shards: decided before",
  "ref: dropped",
  "ref: unborn",
  "collect: held",
  "pin: read to the end",
  "pin: lost",
  "export: walked",
  "pages: turned",
  "pages: read to the end",
  "pages: lost",
  "past: shown",
  "past: the present",
  "past: gone",
  "changes: followed",
  "changes: gone",
  "restore: to its past",
  "restore: to another",
  "restore: refused",
  "restore: to a snapshot",
  "snapshot: made",
  "query: restarted",
  "query: counting",
  "query: ordered",
  "query: scored",
  "query: text",
  "query: without the owner",
  "query: corrupt",
  "reader: answered",
  "reader: failed",
  "head: shared",
  "head: deserted",
  "import: finished",
  "import: failed",
  "import: cancelled",
  "import: refused",
  "import: paused",
  "namespace: deleted",
  "namespace: made again",
  "quarantine: entered",
  "quarantine: entry skipped",
  "quarantine: healed",
  "quarantine: deleted",
] as const;

export type Branch = (typeof branches)[number];

/** Per opportunity: a request, a call, a message, a look at the clock. */
const rates: Readonly<Record<FaultKind, number>> = {
  "put-lost": 0.06,
  "put-unanswered": 0.06,
  "put-late": 0.05,
  "put-throttled": 0.03,
  "pointer-stuck": 0.05,
  "refs-stuck": 0.1,
  "read-lost": 0.03,
  "read-corrupt": 0.01,
  "read-short": 0.01,
  "list-short": 0.3,
  "delete-lost": 0.1,
  "delete-unanswered": 0.1,
  "store-slow": 0.03,
  "object-rots": 0.4,
  "call-lost": 0.02,
  "reply-lost": 0.02,
  "call-broken": 0.02,
  "call-overloaded": 0.01,
  "object-crash": 0.008,
  "object-replaced": 0.003,
  "storage-slow": 0.03,
  "storage-fails": 0.002,
  "storage-wiped": 0.25,
  "alarm-late": 0.3,
  "alarm-fails": 0.2,
  "hint-lost": 0.3,
  "hint-repeated": 0.3,
  "hint-late": 0.3,
  "consumer-crash": 0.02,
  "consumer-stalls": 0.2,
  "isolate-crash": 0.001,
  "request-aborted": 0.05,
  "process-sleeps": 0.0005,
  "edge-stale": 0.3,
  "edge-corrupt": 0.05,
  "edge-fails": 0.1,
  "edge-evicted": 0.1,
  "clock-jump": 0.001,
};

export class Faults {
  readonly counts = new Map<string, number>();
  readonly #random: SimRandom;
  readonly #rates = new Map<FaultKind, number>();
  #stopped = false;

  /** `decided`: how much more often than usual, of kinds that chance has no say in. */
  constructor(random: SimRandom, decided: Partial<Record<FaultKind, number>> = {}) {
    this.#random = random;
    for (const kind of faultKinds) {
      const factor = random.spread(0.2, 3);
      // What rots stays rotten, and hides much of what else could go wrong.
      const isOn = random.chance(kind === "object-rots" ? 0.1 : 0.5);
      const times = decided[kind] ?? (isOn ? factor : 0);
      if (times > 0) this.#rates.set(kind, rates[kind] * times);
    }
  }

  /** From now on nothing goes wrong any more. */
  stop(): void {
    this.#stopped = true;
  }

  isOn(kind: FaultKind): boolean {
    return this.#rates.has(kind);
  }

  strikes(kind: FaultKind): boolean {
    const rate = this.#stopped ? undefined : this.#rates.get(kind);
    if (rate === undefined || !this.#random.chance(rate)) return false;
    this.saw(kind);
    return true;
  }

  saw(what: FaultKind | Branch): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}
