/** Leaves each test file's successors an empty bucket, no objects and no queued messages. */
import { reset } from "cloudflare:test";
import { afterAll } from "vitest";

afterAll(reset);
