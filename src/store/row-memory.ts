/**
 * Rows of fixed size that were cut out of blocks, each kept by itself: of the nine rows of a page a
 * query wants one or two. Rows of a kind (a plane of a segment) form a table and lie one behind the
 * other in slabs, so that one costs little more than its bytes.
 *
 *   1. A row goes into the open slab of its table. When that is full, the next one is twice as
 *      large, up to `slabBytesMax`: tables of few rows stay small.
 *   2. Without room for a slab the hand of a clock moves on, over as many bytes as were refused. A
 *      slab of whose rows a quarter was used since the hand last came by stays, others go.
 *   3. While the hand frees nothing, new rows are not kept: where more is in use than fits, as much
 *      as fits stays, instead of everything being pushed out just before it is wanted again. Rows
 *      that nobody wants twice are gone when the hand has come by once.
 *
 * Slabs are never written twice, so a view of a row stays right when its slab was dropped. Nobody
 * may write to it. Rows never change: they are named by what never does.
 */
import { assert } from "../errors.ts";
import type { ByteLruCounts } from "./byte-lru.ts";

/** Entries are rows. */
export interface RowMemoryCounts extends ByteLruCounts {
  /** Rows that were put and not kept. */
  readonly refused: number;
}

export interface RowMemoryOptions {
  /** May change; `fit` makes it true of what is held. */
  readonly bytesMax: () => number;
  /** Told when another amount of memory is taken. */
  readonly onResize?: () => void;
}

/** A slot of the index, and the mark beside the row. */
const rowOverheadBytes = 32;
const slabOverheadBytes = 512;
const slabBytesMax = 64 * 1024;
const firstSlabRows = 8;
/** Rows of a slab: they are numbered by what is below it. */
const slabRowsMax = 1_024;
/** Of all memory, at most; only where memory is tiny it matters. */
const slabShare = 1 / 8;
/** A slab of which less was used goes. */
const usedShareMin = 1 / 4;

interface Slab {
  readonly table: Table;
  readonly number: number;
  readonly bytes: Uint8Array;
  /** Of each row that is in it. */
  readonly ordinals: Uint32Array;
  /** Whether a row was used since the hand last came by. */
  readonly used: Uint8Array;
  count: number;
  readonly cost: number;
}

interface Table {
  readonly name: string;
  readonly rowBytes: number;
  /** Where a row lies: number of the slab x slabRowsMax + place in it. */
  readonly index: Map<number, number>;
  open: Slab | undefined;
}

/** Rows of one kind. */
export interface RowTable {
  /** Shared: nobody may write to the bytes. */
  get(ordinal: number): Uint8Array | undefined;
  /** For a row that is not there. Copies the bytes, if they are kept. */
  put(ordinal: number, bytes: Uint8Array): void;
}

export class RowMemory {
  readonly #bytesMax: () => number;
  readonly #onResize: (() => void) | undefined;
  readonly #tables = new Map<string, Table>();
  /** In the order in which the hand comes by. */
  readonly #slabs = new Map<number, Slab>();
  #nextSlab = 0;
  #bytes = 0;
  #bytesPeak = 0;
  #rows = 0;
  #hits = 0;
  #misses = 0;
  #refused = 0;
  #evictions = 0;
  /** Bytes that are lacking and that the hand has not moved over yet. */
  #refusedBytes = 0;

  constructor({ bytesMax, onResize }: RowMemoryOptions) {
    this.#bytesMax = bytesMax;
    this.#onResize = onResize;
  }

  /** `rowBytes`: of every row, the same whenever the table is asked for. */
  table(name: string, rowBytes: number): RowTable {
    assert(rowBytes >= 1, `rows of ${rowBytes} bytes`);
    return {
      get: (ordinal) => this.#get(name, ordinal),
      put: (ordinal, bytes) => {
        assert(bytes.length === rowBytes, `a row of ${bytes.length} bytes, not of ${rowBytes}`);
        this.#put(name, ordinal, bytes);
      },
    };
  }

  get bytes(): number {
    return this.#bytes;
  }

  counts(): RowMemoryCounts {
    return {
      entries: this.#rows,
      bytes: this.#bytes,
      bytesPeak: this.#bytesPeak,
      hits: this.#hits,
      misses: this.#misses,
      refused: this.#refused,
      evictions: this.#evictions,
    };
  }

  /** Drops slabs, in the order of the hand, until all of it fits. */
  fit(): void {
    for (const slab of this.#slabs.values()) {
      if (this.#bytes <= this.#bytesMax()) break;
      this.#drop(slab);
    }
  }

  /** Somebody lacks as many bytes: moves the hand over as many, so that what is idle goes. */
  yieldRoom(bytes: number): void {
    this.#refusedBytes += bytes;
    for (const slab of this.#slabs.values()) {
      if (this.#refusedBytes < slab.cost) return;
      this.#refusedBytes -= slab.cost;
      this.#moveHand(slab);
    }
    this.#refusedBytes = 0;
  }

  #get(name: string, ordinal: number): Uint8Array | undefined {
    const table = this.#tables.get(name);
    const place = table?.index.get(ordinal);
    if (table === undefined || place === undefined) {
      this.#misses += 1;
      return undefined;
    }
    this.#hits += 1;
    const slab = this.#slabs.get(Math.floor(place / slabRowsMax)) as Slab;
    const row = place % slabRowsMax;
    slab.used[row] = 1;
    return slab.bytes.subarray(row * table.rowBytes, (row + 1) * table.rowBytes);
  }

  #put(name: string, ordinal: number, bytes: Uint8Array): void {
    const table = this.#tables.get(name) ?? {
      name,
      rowBytes: bytes.length,
      index: new Map(),
      open: undefined,
    };
    if (table.index.has(ordinal)) return;
    const slab = this.#slabWithRoom(table);
    if (slab === undefined) {
      this.#refused += 1;
      return;
    }
    const row = slab.count;
    slab.bytes.set(bytes, row * table.rowBytes);
    slab.ordinals[row] = ordinal;
    slab.count += 1;
    table.index.set(ordinal, slab.number * slabRowsMax + row);
    this.#rows += 1;
  }

  #slabWithRoom(table: Table): Slab | undefined {
    const { open, rowBytes } = table;
    if (open !== undefined && open.count < open.ordinals.length) return open;
    const most = Math.min(slabBytesMax, slabShare * this.#bytesMax());
    const rows = Math.min(
      open === undefined ? firstSlabRows : 2 * open.ordinals.length,
      slabRowsMax,
      Math.max(1, Math.floor(most / rowBytes)),
    );
    const cost = rows * (rowBytes + rowOverheadBytes) + slabOverheadBytes;
    if (this.#bytes + cost > this.#bytesMax()) this.yieldRoom(rowBytes + rowOverheadBytes);
    return this.#bytes + cost > this.#bytesMax() ? undefined : this.#openSlab(table, rows, cost);
  }

  #openSlab(table: Table, rows: number, cost: number): Slab {
    const slab = {
      table,
      number: this.#nextSlab++,
      bytes: new Uint8Array(rows * table.rowBytes),
      ordinals: new Uint32Array(rows),
      used: new Uint8Array(rows),
      count: 0,
      cost,
    };
    table.open = slab;
    this.#tables.set(table.name, table);
    this.#slabs.set(slab.number, slab);
    this.#bytes += cost;
    this.#bytesPeak = Math.max(this.#bytesPeak, this.#bytes);
    this.#onResize?.();
    return slab;
  }

  /** Looks at the slab whose turn it is. */
  #moveHand(slab: Slab): void {
    this.#slabs.delete(slab.number);
    const used = slab.used.reduce((sum, each) => sum + each, 0);
    if (used > 0 && used >= usedShareMin * slab.count) {
      slab.used.fill(0);
      this.#slabs.set(slab.number, slab);
    } else {
      this.#drop(slab);
    }
  }

  #drop(slab: Slab): void {
    const { table } = slab;
    this.#slabs.delete(slab.number);
    for (let row = 0; row < slab.count; row++) table.index.delete(slab.ordinals[row] as number);
    if (table.open === slab) table.open = undefined;
    if (table.index.size === 0) this.#tables.delete(table.name);
    this.#bytes -= slab.cost;
    this.#rows -= slab.count;
    this.#evictions += slab.count;
    this.#onResize?.();
  }
}
