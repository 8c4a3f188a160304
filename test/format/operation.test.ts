/** The objects of an asynchronous operation. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import { isEngineError } from "../../src/errors.ts";
import {
  type OperationRequest,
  openOperationClaim,
  openOperationRequest,
  openOperationResult,
  sealOperationClaim,
  sealOperationRequest,
  sealOperationResult,
} from "../../src/format/operation.ts";
import { syncDigest } from "../sync-digest.ts";

const body = new TextEncoder().encode('{"rank_by":["vector","kNN",[1,2]]}');
const request: OperationRequest = {
  kind: "query",
  name: "shop",
  createdMs: 1_767_225_600_000,
  pin: {
    id: "0f".repeat(16),
    generation: "a1".repeat(16),
    version: 7,
    next: 42,
    skipped: [40],
  },
  body,
};
const claim = { attempt: 2, worker: new Uint8Array(16).fill(3), untilMs: 1_767_225_660_000 };
const result = { status: 404, body: new TextEncoder().encode('{"status":"error"}') };
const nonce = new Uint8Array(16).fill(0xab);

const objects = [
  {
    what: "request",
    value: request,
    seal: () => sealOperationRequest(request, nonce, syncDigest),
    open: (bytes: Uint8Array): Promise<unknown> => openOperationRequest(bytes, syncDigest),
  },
  {
    what: "claim",
    value: claim,
    seal: () => sealOperationClaim(claim, syncDigest),
    open: (bytes: Uint8Array): Promise<unknown> => openOperationClaim(bytes, syncDigest),
  },
  {
    what: "result",
    value: result,
    seal: () => sealOperationResult(result, nonce, syncDigest),
    open: (bytes: Uint8Array): Promise<unknown> => openOperationResult(bytes, syncDigest),
  },
];

describe.each(objects)("the $what of an operation", ({ what, value, seal, open }) => {
  test("has the bytes that it always had", async () => {
    const file = new URL(`../golden/v1/operation-${what}.hex`, import.meta.url);
    const golden = readFileSync(file, "utf8").replace(/\s/g, "");
    expect(encodeHex((await seal()).bytes)).toBe(golden);
    expect(await open(decodeHex(golden))).toEqual(value);
  });

  test("is refused with any one byte changed or missing", async () => {
    const { bytes } = await seal();
    for (let i = 0; i < bytes.length; i++) {
      const damaged = bytes.slice();
      damaged[i] = (damaged[i] as number) ^ (1 << (i % 8));
      for (const wrong of [damaged, bytes.slice(0, i)]) {
        await expect(open(wrong)).rejects.toSatisfy((error) => isEngineError(error, "corrupt"));
      }
    }
  });
});

test("a request that reads nothing, and an empty body, come back as they were", async () => {
  const bare = { ...request, pin: undefined, body: new Uint8Array(0) };
  const { bytes } = await sealOperationRequest(bare, nonce, syncDigest);
  expect(await openOperationRequest(bytes, syncDigest)).toEqual(bare);
});
