/**
 * Patterns by definition: globs as regular expressions of the language the tests are written in,
 * fuzzy search by trying every part of a text.
 */

export interface OracleFuzzy {
  readonly max_edit_distance: readonly {
    readonly min_query_chars: number;
    readonly distance: number;
  }[];
  readonly case_sensitive?: boolean;
}

export function matchesGlob(pattern: string, text: string, ignoresCase: boolean): boolean {
  return text !== "" && globOf(pattern, ignoresCase).test(text);
}

/** The last one: it is asked of one document after the other. */
let last: { pattern: string; ignoresCase: boolean; regex: RegExp } | undefined;

function globOf(pattern: string, ignoresCase: boolean): RegExp {
  if (last?.pattern !== pattern || last.ignoresCase !== ignoresCase) {
    const flags = ignoresCase ? "sui" : "su";
    const regex = new RegExp(`^(?:${globSource(pattern)})$`, flags);
    last = { pattern, ignoresCase, regex };
  }
  return last.regex;
}

function globSource(pattern: string): string {
  const part =
    /(?<=^|\/)\*\*\/|\*+|\?|\[([!^]?)(\]?[^\]]*)\]|\\(.)|([{},])|([$()+.^|/\]-])|([\s\S])/gu;
  let depth = 0;
  return pattern.replaceAll(
    part,
    (whole, negated: string, members: string, escaped: string, brace: string, special: string) => {
      if (whole === "**/") return "(?:.*/)?";
      if (whole.startsWith("*")) return ".*";
      if (whole === "?") return ".";
      if (members !== undefined) {
        const safe = members.replaceAll(/[\\[\]^&]/g, "\\$&").replace(/^-|-$/g, "\\-");
        return `[${negated === "" ? "" : "^"}${safe}]`;
      }
      if (escaped !== undefined) return RegExp.escape(escaped);
      if (brace === "{") depth += 1;
      if (brace === "}") depth -= 1;
      if (brace === "{") return "(?:";
      if (brace === "}") return ")";
      if (brace === ",") return depth > 0 ? "|" : ",";
      return special === undefined ? whole : RegExp.escape(special);
    },
  );
}

export function matchesFuzzy(query: string, text: string, options: OracleFuzzy): boolean {
  const fold = (each: string) => (options.case_sensitive === false ? each.toLowerCase() : each);
  const chars = Array.from(query).length;
  const allowed = options.max_edit_distance
    .filter(({ min_query_chars: least }) => chars >= least)
    .map(({ distance }) => distance);
  if (allowed.length === 0) return false;
  const max = Math.max(...allowed);
  const wanted = Array.from(fold(query));
  const given = Array.from(fold(text));
  for (let from = 0; from <= given.length; from++) {
    for (let to = from; to <= given.length; to++) {
      if (edits(wanted, given.slice(from, to)) <= max) return true;
    }
  }
  return false;
}

/** Of characters, to make one of the other. */
export function edits(a: readonly string[], b: readonly string[]): number {
  const table = Array.from({ length: a.length + 1 }, (_, i) => [i]);
  for (let j = 1; j <= b.length; j++) (table[0] as number[])[j] = j;
  const at = (i: number, j: number): number => table[i]?.[j] as number;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      (table[i] as number[])[j] = Math.min(same, at(i - 1, j) + 1, at(i, j - 1) + 1);
    }
  }
  return at(a.length, b.length);
}
