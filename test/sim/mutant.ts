/** A bug planted on purpose: edits of the sources, made while they are loaded. */

export interface Edit {
  /** Below the root of the repository. */
  readonly file: string;
  /** Occurs exactly once. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
}

/** Of one edit. */
export function mutant(name: string, file: string, find: string, replace: string): Mutant {
  return { name, edits: [{ file, find, replace }] };
}
