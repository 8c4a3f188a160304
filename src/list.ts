/**
 * Lists the names of a tenant's namespaces from the registry alone, in bytewise order.
 *
 * A registry entry stays when its namespace is deleted, and says so in its metadata, so one list
 * request answers a page. Consistent: entries change before creation and deletion are answered.
 *
 * Cost: one list request per 1,000 entries passed over; after `requestsMax` of them the page ends
 * early, with a cursor, so that a long run of deleted names costs several calls rather than one
 * without bound.
 */
import { limits } from "./limits.ts";
import { nameOfRegistryKey, registryKey, registryPrefix } from "./store/keys.ts";
import type { ObjectStore } from "./store/object-store.ts";

export interface NamespaceQuery {
  readonly prefix: string;
  /** Only names behind this one. */
  readonly after: string | undefined;
  /** 1 … limits.listPageMax */
  readonly pageSize: number;
  /** Those of snapshots too, which no user can give: they hold an "@". */
  readonly hidden?: boolean;
}

export interface NamespacePage {
  readonly names: readonly string[];
  /** Where the next page begins; undefined when there is nothing behind this one. */
  readonly after: string | undefined;
}

const requestsMax = 10;

export async function listNamespaces(
  store: ObjectStore,
  tenant: string,
  query: NamespaceQuery,
): Promise<NamespacePage> {
  const names: string[] = [];
  let after = query.after;
  for (let request = 0; request < requestsMax; request++) {
    const page = await store.list(registryPrefix(tenant) + query.prefix, {
      ...(after === undefined ? {} : { after: registryKey(tenant, after) }),
      limit: limits.listPageMax,
      metadata: true,
    });
    for (const { key, metadata } of page.objects) {
      after = nameOfRegistryKey(key) ?? after;
      const isShown = query.hidden === true || after?.includes("@") === false;
      if (metadata["state"] === "live" && after !== undefined && isShown) {
        names.push(after);
      }
      // A full page has a cursor even if it was the last: the next one is then empty.
      if (names.length === query.pageSize) {
        return { names, after };
      }
    }
    if (!page.more) {
      return { names, after: undefined };
    }
  }
  return { names, after };
}
