/** Requests for more objects than one request may name. */
import { corrupt } from "../errors.ts";
import type { ObjectInfo, ObjectStore } from "./object-store.ts";

/** Keys of one delete request (platform limit). */
const deletesMax = 1_000;

/** Visits every object below a prefix, in order, page by page. */
export async function eachObject(
  store: ObjectStore,
  prefix: string,
  visit: (object: ObjectInfo) => "more" | "enough",
): Promise<void> {
  let after: string | undefined;
  for (;;) {
    const page = await store.list(prefix, after === undefined ? {} : { after });
    if (!page.objects.every((object) => visit(object) === "more") || !page.more) {
      return;
    }
    after = page.objects.at(-1)?.key;
    if (after === undefined) {
      throw corrupt(`listing ${prefix} says that there is more but shows nothing`);
    }
  }
}

/** Returns how many they were. */
export async function deleteAll(store: ObjectStore, keys: readonly string[]): Promise<number> {
  for (let i = 0; i < keys.length; i += deletesMax) {
    await store.delete(keys.slice(i, i + deletesMax));
  }
  return keys.length;
}
