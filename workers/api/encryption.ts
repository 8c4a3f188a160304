/** `encryption` of a write, in whatever request it stands. */
import { isJsonObject, malformedAt, wrongShape } from "../../src/document/shape.ts";
import { invalid } from "../../src/errors.ts";

/** The last part of a key's resource name; whatever lacks it is no key at all. */
const cloudKey = /^(?:projects\/.+\/cryptoKeys\/|arn:aws:kms:).+/;

/** Objects are encrypted by the store; keys of the user's own are not supported. */
export function checkEncryption(value: unknown): void {
  if (value === undefined) {
    return;
  }
  if (!isJsonObject(value)) {
    throw wrongShape("encryption", value, "a map");
  }
  const mode = value["mode"];
  if (mode === "default") {
    return;
  }
  const key = value["key_name"];
  if (typeof key === "string" && !cloudKey.test(key)) {
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
