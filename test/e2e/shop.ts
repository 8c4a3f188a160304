/** A small namespace that several files of end-to-end tests ask about. */
import { freshName, openClient } from "./harness.ts";

export const shop = [
  { id: 1, vector: [0.1, 0.1], title: "one", stock: 10, tags: ["a", "b"], open: true },
  { id: 2, vector: [0.2, 0.2], title: "two", stock: 0, tags: ["b"], open: false },
  { id: 3, vector: [0.3, 0.3], title: "three", stock: 5 },
  { id: 4, vector: [0.4, 0.4], title: "four", stock: -1, tags: [], open: true },
];

/** A new one each time. */
export async function openShop() {
  const name = freshName("shop");
  const namespace = openClient().namespace(name);
  await namespace.write({ upsert_rows: shop, distance_metric: "euclidean_squared" });
  return { name, namespace };
}
