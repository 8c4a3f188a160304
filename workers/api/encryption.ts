/** `encryption` of a write, in whatever request it stands. */
import { malformedAt } from "../../src/document/shape.ts";
import { invalid } from "../../src/errors.ts";
import type { FieldTable, Given } from "./reference/field.ts";

/** The last part of a key's resource name; whatever lacks it is no key at all. */
const cloudKey = /^(?:projects\/.+\/cryptoKeys\/|arn:aws:kms:).+/;

export const encryptionKeys = {
  mode: { type: "string", about: "`default`." },
  key_name: { type: "string", about: "Of a key of your own: refused." },
} as const satisfies FieldTable;

/** Objects are encrypted by the store; keys of the user's own are not supported. */
export function checkEncryption(given: Given<typeof encryptionKeys> | undefined): void {
  if (given === undefined || given.mode === "default") {
    return;
  }
  const { mode, key_name: key } = given;
  if (key !== undefined && !cloudKey.test(key)) {
    throw invalid(`💔 Malformed Cloud KMS crypto key: ${key}`, "encryption");
  }
  if (mode === undefined) {
    throw malformedAt("encryption", "missing field `mode`");
  }
  if (mode !== "customer-managed") {
    throw malformedAt(
      "encryption.mode",
      "unknown variant, expected `default` or `customer-managed`",
    );
  }
  throw invalid(
    "💔 `encryption` with a key of your own is not supported by this server",
    "encryption",
  );
}
