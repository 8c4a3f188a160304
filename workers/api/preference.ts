/**
 * `Prefer`, as clients send it (RFC 7240): may a request be answered later?
 *
 *   respond-async           if it takes long; the official clients say so with every request
 *   respond-async, wait=0   however little it takes
 */
export async function isAnsweredLater(
  request: Request,
  isLarge: () => Promise<boolean>,
): Promise<boolean> {
  const preferences = (request.headers.get("prefer") ?? "")
    .toLowerCase()
    .split(",")
    .map((part) => part.split(";")[0]?.replaceAll(/\s/g, "") ?? "");
  if (!preferences.includes("respond-async")) {
    return false;
  }
  return preferences.some((each) => /^wait="?0+"?$/.test(each)) || (await isLarge());
}
