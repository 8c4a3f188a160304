/** A row of something that is imported, and what is wrong with one. */

/** Values as they come; row-mapping.ts turns what the wire cannot say into what it can. */
export type Row = Readonly<Record<string, unknown>>;

/** What was to be imported is not what it seems. The message names row and column where it can. */
export class SourceError extends Error {}
