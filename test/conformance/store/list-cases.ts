/** Lists: order, prefixes, pages, metadata. */
import { create, keysOf, type StoreCase, same, stored, text } from "./case.ts";

const group = "list";

export const listCases: readonly StoreCase[] = [
  {
    group,
    title: "shows what was just stored, in bytewise order, whatever the order of arrival",
    run: async ({ store, prefix }) => {
      // In UTF-16 order, U+FF21 would come after the emoji.
      const names = ["b", "a", "a/b", "a-b", "B", "10", "9", "é", "\uff21", "\u{1f600}"];
      for (const key of names) stored(await store.put(prefix + key, text(key), create));
      const inOrder = ["10", "9", "B", "a", "a-b", "a/b", "b", "é", "\uff21", "\u{1f600}"];
      const expected = inOrder.map((key) => prefix + key);
      same(await keysOf(store, prefix), expected, "keys");
    },
  },
  {
    group,
    title: "keeps to the prefix, and is empty where nothing matches",
    run: async ({ store, prefix }) => {
      for (const key of ["a", "ab", "abc", "b"]) {
        stored(await store.put(prefix + key, text(key), create));
      }
      same(await keysOf(store, `${prefix}ab`), [`${prefix}ab`, `${prefix}abc`], "keys");
      same(await store.list(`${prefix}x`), { objects: [], more: false }, "the page");
    },
  },
  {
    group,
    title: "pages through everything once, and says when there is more",
    run: async ({ store, prefix }) => {
      const keys = Array.from({ length: 10 }, (_, i) => `${prefix}${i}`);
      await Promise.all(keys.map((key) => store.put(key, text(key), create)));
      same((await store.list(prefix, { limit: 10 })).more, false, "more after all");
      for (const limit of [1, 3, 5, 9]) {
        const first = await store.list(prefix, { limit });
        same(first.objects.length, limit, "length of a page");
        same(first.more, true, "more after a page");
        same(await keysOf(store, prefix, { limit }), keys, "keys");
      }
    },
  },
  {
    group,
    title: "begins strictly after the key given, whether or not that exists",
    run: async ({ store, prefix }) => {
      for (const key of ["a", "b", "c"]) stored(await store.put(prefix + key, text(key), create));
      for (const [after, expected] of [
        [`${prefix}a`, ["b", "c"]],
        [`${prefix}aa`, ["b", "c"]],
        [`${prefix}c`, []],
        // Before and behind everything with the prefix.
        ["!", ["a", "b", "c"]],
        ["~", []],
      ] as const) {
        const keys = expected.map((key) => prefix + key);
        same(await keysOf(store, prefix, { after }), keys, `keys after ${after}`);
      }
    },
  },
  {
    group,
    title: "tells size, etag and time, and metadata only when asked",
    run: async ({ store, prefix }) => {
      stored(await store.put(`${prefix}a`, text("hello"), create, { metadata: { state: "live" } }));
      const info = await store.head(`${prefix}a`);
      const plain = await store.list(prefix);
      same(plain.objects, [{ ...info, metadata: {} }], "without metadata");
      const full = await store.list(prefix, { metadata: true });
      same(full.objects, [info], "with metadata");
    },
  },
  {
    group,
    title: "pages with metadata too, however short the pages are",
    run: async ({ store, prefix }) => {
      const keys = Array.from({ length: 120 }, (_, i) => prefix + String(i).padStart(3, "0"));
      await Promise.all(
        keys.map((key) => store.put(key, text(key), create, { metadata: { key } })),
      );
      same(await keysOf(store, prefix, { metadata: true }), keys, "keys");
    },
  },
  {
    group,
    title: "never shows what was deleted",
    run: async ({ store, prefix }) => {
      for (const key of ["a", "b"]) stored(await store.put(prefix + key, text(key), create));
      await store.delete([`${prefix}a`]);
      same(await keysOf(store, prefix), [`${prefix}b`], "keys");
    },
  },
];
