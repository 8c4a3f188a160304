/**
 * The Reader object: one for each number of readers a generation of a namespace has. Thin: reads
 * what it is asked for with the caches and budgets of its isolate, and stores nothing. Objects of
 * one script may share an isolate, also with the Worker that asks: then they share those too, so
 * that 128 MB hold for all of them together.
 */
import { DurableObject } from "cloudflare:workers";
import type { Reply } from "../src/namespace/protocol.ts";
import { readForQuery } from "../src/reader.ts";
import type { ReadReply, ReadRequest } from "../src/reader-protocol.ts";
import { openBackground } from "../workers/api/scope.ts";
import { openMeter, type Usage } from "../workers/platform/usage-meter.ts";

export interface ReaderAnswer {
  readonly reply: Reply<ReadReply>;
  /** Of the platform, for whoever asked. */
  readonly usage: Usage;
}

export class Reader extends DurableObject<Env> {
  async read(request: ReadRequest): Promise<ReaderAnswer> {
    const meter = openMeter("reader");
    const { ports, close } = openBackground(this.env, meter);
    try {
      return { reply: await readForQuery(ports, request), usage: meter.usage() };
    } finally {
      // What goes to the edge cache goes behind the answer.
      this.ctx.waitUntil(close());
    }
  }
}
