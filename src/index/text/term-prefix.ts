/**
 * Terms that begin as a word that is still being typed: with its letters, or with something at most
 * `edits` characters (more, less or other) away from them. The first character is always the same,
 * so that a dictionary in order need be looked through under one letter only.
 *
 * Cost of a term with edits: (length + edits) × length of the prefix.
 */
export function prepareBeginning(prefix: string, edits = 0): (term: string) => boolean {
  if (edits === 0) return (term) => term.startsWith(prefix);
  const wanted = Array.from(prefix);
  const { length } = wanted;
  /** Edits between each beginning of the prefix and what was read of the term. */
  const column = new Uint32Array(length + 1);
  return (term) => {
    if (term.codePointAt(0) !== prefix.codePointAt(0)) return false;
    for (let i = 0; i <= length; i++) column[i] = i;
    let read = 0;
    for (const character of term) {
      read += 1;
      if (read > length + edits) return false;
      let diagonal = column[0] as number;
      column[0] = read;
      for (let i = 1; i <= length; i++) {
        const left = column[i] as number;
        const kept = diagonal + (wanted[i - 1] === character ? 0 : 1);
        column[i] = Math.min(kept, left + 1, (column[i - 1] as number) + 1);
        diagonal = left;
      }
      if ((column[length] as number) <= edits) return true;
    }
    return false;
  };
}

/** What all of those terms begin with. */
export function sharedBeginning(prefix: string, edits = 0): string {
  return edits === 0 ? prefix : String.fromCodePoint(prefix.codePointAt(0) ?? 0);
}
