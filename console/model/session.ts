/** The key, for as long as this tab lives, or until somebody signs out. */

const name = "shoal-key";

export function recallKey(): string | undefined {
  return sessionStorage.getItem(name) ?? localStorage.getItem(name) ?? undefined;
}

export function rememberKey(key: string, forLong: boolean): void {
  (forLong ? localStorage : sessionStorage).setItem(name, key);
}

export function forgetKey(): void {
  sessionStorage.removeItem(name);
  localStorage.removeItem(name);
}

/** A link may bring the key in its fragment, which is not sent to any server. */
export function takeKeyOfLink(): string | undefined {
  const key = /^#key=(\S+)$/.exec(location.hash)?.[1];
  if (key === undefined) return undefined;
  history.replaceState(undefined, "", location.pathname);
  const decoded = decodeURIComponent(key);
  rememberKey(decoded, false);
  return decoded;
}
