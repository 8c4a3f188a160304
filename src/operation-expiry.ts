/**
 * The end of asynchronous operations: a day after they were asked for, imports a week after the
 * newest of their objects. The request goes first: without it nothing is run again, whatever is
 * left of the rest and goes with the next visit.
 *
 * Cost: a list for each thousand objects, and a delete or two for each operation that expired.
 */
import { importLimits } from "./import-limits.ts";
import { limits } from "./limits.ts";
import type { Operation } from "./operations.ts";
import type { Ports } from "./ports.ts";
import {
  importPrefix,
  operationOfKey,
  operationPrefix,
  operationRequestKey,
} from "./store/keys.ts";
import { deleteAll, eachObject } from "./store/many-objects.ts";

interface FoundOperation {
  readonly place: Operation;
  readonly objects: string[];
  firstMs: number;
  lastMs: number;
  isFinished: boolean;
}

/**
 * Deletes what expired, imports by the age of their newest object; returns those that nobody has
 * finished and may be hinted.
 */
export async function expireOperations(
  ports: Ports,
  tenant: string,
): Promise<readonly Operation[]> {
  const now = ports.clock.now();
  const waiting: Operation[] = [];
  for (const prefix of [operationPrefix(tenant), importPrefix(tenant)]) {
    for (const { place, objects, firstMs, lastMs, isFinished } of await findAll(ports, prefix)) {
      const isImport = place.into !== undefined;
      const endMs = isImport ? lastMs + importLimits.keepMs : firstMs + limits.operationKeepMs;
      if (endMs <= now) {
        // One request deletes up to a thousand, but the request must go before the result does.
        const request = operationRequestKey(place);
        const others = objects.filter((key) => key !== request);
        await deleteAll(ports.store, [request]);
        await deleteAll(ports.store, others);
      } else if (!isFinished && firstMs + limits.operationHintMs <= now) {
        waiting.push(place);
      }
    }
  }
  return waiting;
}

async function findAll({ store }: Ports, prefix: string): Promise<Iterable<FoundOperation>> {
  const found = new Map<string, FoundOperation>();
  await eachObject(store, prefix, ({ key, uploadedMs }) => {
    const { place, object } = operationOfKey(key) ?? {};
    if (place === undefined) return "more";
    const name = `${place.into ?? ""}/${place.token}`;
    const before = { firstMs: uploadedMs, lastMs: uploadedMs, isFinished: false };
    const one = found.get(name) ?? { ...before, place, objects: [] };
    one.objects.push(key);
    one.firstMs = Math.min(one.firstMs, uploadedMs);
    one.lastMs = Math.max(one.lastMs, uploadedMs);
    one.isFinished ||= object === "result";
    found.set(name, one);
    return "more";
  });
  return found.values();
}
