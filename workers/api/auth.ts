/**
 * API keys: `Authorization: Bearer <key>` against the keys of the secrets SHOAL_API_KEYS (several,
 * separated by commas) and SHOAL_API_KEY (one).
 *
 * Digests are compared, not keys: they are equally long whatever the key, and each is compared in
 * constant time with all of them, so that time tells nothing about a key. Without any key
 * configured every request is refused: an open database is never what was meant.
 */
export type KeySecrets = Pick<Env, "SHOAL_API_KEYS" | "SHOAL_API_KEY">;

/** Why a request is refused, or undefined if it may pass. */
export async function refuseKey(
  request: Request,
  secrets: KeySecrets,
): Promise<string | undefined> {
  const keys = configuredKeys(secrets);
  if (keys.length === 0) {
    return (
      "this server has no API key, so nobody may use it: set one with " +
      "`wrangler secret put SHOAL_API_KEYS`, or in .dev.vars for `wrangler dev`"
    );
  }
  const presented = bearerToken(request.headers.get("authorization"));
  if (presented === undefined) {
    return "missing API key: send it as `Authorization: Bearer <key>`";
  }
  const [digest, ...accepted] = await Promise.all([presented, ...keys].map(sha256));
  let matches = 0;
  for (const key of accepted) {
    matches += Number(crypto.subtle.timingSafeEqual(digest as ArrayBuffer, key));
  }
  return matches > 0 ? undefined : "the API key is not one of this server's";
}

function configuredKeys({ SHOAL_API_KEYS: several = "", SHOAL_API_KEY: one = "" }: KeySecrets) {
  return [...several.split(","), one].map((key) => key.trim()).filter((key) => key !== "");
}

function bearerToken(header: string | null): string | undefined {
  return /^bearer +(\S+) *$/i.exec(header ?? "")?.[1];
}

function sha256(key: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
}
