/**
 * A client that turns over the pages of a query, slowly: all of them together are the answer at the
 * point that the first of them pinned, whatever is written meanwhile; or its pin is lost.
 */
import { isEngineError } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import type { Pin } from "../../src/namespace/pins.ts";
import { type NamespaceApi, replyValue } from "../../src/namespace/protocol.ts";
import { type PageCursor, searchPage } from "../../src/pages.ts";
import type { SearchPorts } from "../../src/search-ports.ts";
import type { Point, ReadWindow } from "./history.ts";
import { callOwner } from "./owner-client.ts";
import type { Process } from "./process.ts";
import { askAnything, type Check, compareAnswer, type Question } from "./questions.ts";
import type { SimName } from "./sim-name.ts";

export async function readPages(
  process: Process,
  ports: SearchPorts,
  of: SimName,
  pagesMax = 2 + process.world.random.below(6),
  question?: Question,
): Promise<void> {
  const { world } = process;
  const { tenant, name } = of.identity;
  const owner = callOwner(process, name);
  const window = of.history.beginRead();
  let pinned: Pin | undefined;
  const pin: NamespaceApi["pin"] = async (...args) => {
    const reply = await owner.pin(...args);
    if (reply.ok) pinned = reply.value;
    return reply;
  };
  const { ask, check } = question ?? askAnything(world.random, world.sizes);
  const limit = 1 + world.random.below(12);
  const { disableCache, ...query } = { ...ask, limit };
  const asked = { consistency: "strong", disableCache } as const;
  const target = { tenant, name, owner: { ...owner, pin } };
  let point: Point | undefined;
  let cursor: PageCursor | undefined;
  let shown = 0;
  try {
    for (let page = 0; page < pagesMax; page++) {
      const { result, next } = await searchPage(ports, target, query, asked, cursor);
      point ??= pinned && pointOf(process, of, window, pinned);
      const [part] = result.parts;
      if (point === undefined || part?.kind !== "rows") return;
      const here: Check = { ...check, limit, offset: check.offset + shown };
      const wrong = compareAnswer(here, point, part);
      if (wrong !== undefined) world.violate("page", `${check.kind}, behind ${shown}: ${wrong}`);
      shown += part.rows.length;
      cursor = next;
      if (cursor === undefined) break;
      if (page > 0) world.faults.saw("pages: turned");
      await process.pause(limits.pinMs * world.random.between(0.01, 0.9), "read a page");
    }
    if (cursor === undefined) world.faults.saw("pages: read to the end");
  } catch (error) {
    if (isEngineError(error, "notFound") && pinned === undefined) {
      of.history.explain(window, "page", (p) =>
        p.exists ? "not found, yet it exists" : undefined,
      );
    } else if (isEngineError(error, "invalid") || isEngineError(error, "malformed")) {
      // A namespace without a single document has no schema to ask about.
      point ??= pinned && pointOf(process, of, window, pinned);
      if ((point?.documents.size ?? 0) > 0) world.violate("page", `refused: ${error.message}`);
    } else if (isEngineError(error, "gone")) {
      const isAlive = cursor && replyValue(await owner.renewPin(tenant, name, cursor.pin));
      if (isAlive !== undefined) world.violate("page", "gone while its pin lives");
      world.faults.saw("pages: lost");
    } else throw error;
  }
}

function pointOf(
  { world }: Process,
  { history }: SimName,
  window: ReadWindow,
  { generation, version, next, skipped }: Pin,
): Point | undefined {
  const floor = world.landings.manifests.versionOf(generation, version)?.floor ?? 0;
  const knows = (slot: number): boolean => slot < floor || skipped?.includes(slot) === true;
  return history.pointShown(window, "page", generation, next, knows);
}
