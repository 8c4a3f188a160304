/**
 * What must not leave this machine. Files that are there to hold secrets are not read; in all
 * others what looks like one is replaced before anything is hashed, embedded or sent:
 *
 * 1. tokens of known shapes, and blocks of private keys;
 * 2. values of settings called key, secret, token, password …, if they look random;
 * 3. any quoted word of 40 characters and more with at least 4.2 bits of entropy each, in which
 *    upper case, lower case and digits are mixed. Hex digests stay below that.
 *
 * It is a net, not a proof: keep secrets out of sources.
 */
const secretFile = new RegExp(
  [
    String.raw`^\.(env|dev\.vars)(\..*)?$`,
    String.raw`^\.(npmrc|netrc|pgpass|pypirc|htpasswd|git-credentials|dockercfg)$`,
    String.raw`^id_(rsa|dsa|ecdsa|ed25519)`,
    String.raw`\.(pem|key|p12|pfx|jks|keystore|kdbx|asc|gpg|ppk|tfstate|tfvars)$`,
    String.raw`^(credentials|secrets?|service-account.*)(\.(json|ya?ml|toml|ini|txt))?$`,
  ].join("|"),
  "i",
);

const replacement = "[secret]";
const privateKey =
  /-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----[\s\S]*?(-----END [A-Z ]*-----|(?![\s\S]))/g;
const knownTokens = new RegExp(
  [
    String.raw`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`,
    String.raw`\bgh[pousr]_\w{30,}|\bgithub_pat_\w{30,}|\bglpat-[\w-]{20,}`,
    String.raw`\bxox[abeoprs]-[\w-]{10,}`,
    String.raw`\b[sr]k[-_](?:live|test|proj|ant)[-_][\w-]{16,}|\bsk-[A-Za-z0-9]{32,}`,
    String.raw`\bAIza[\w-]{35}|\bnpm_\w{36}|\btpuf_\w{20,}|\bshoal_[\w-]{24,}`,
    String.raw`\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}`,
    String.raw`(?<=\b[a-z][a-z+]*:\/\/[^\s:@/]{1,64}:)[^\s:@/$\{<]{6,}(?=@)`,
  ].join("|"),
  "g",
);
const setting = new RegExp(
  [
    String.raw`((?:key|secret|token|passw(?:or)?d|pwd)\w*["']?\s*[:=]\s*["']?)`,
    String.raw`([\w+/=.~-]{16,})`,
  ].join(""),
  "gi",
);
const quotedWord = /(?<=["'`])[\w+/=-]{40,}(?=["'`])/g;

export function holdsSecrets(fileName: string): boolean {
  return secretFile.test(fileName) && !/\.(example|sample|template)$/i.test(fileName);
}

/** Lines keep their numbers. */
export function withoutSecrets(text: string): { readonly text: string; readonly secrets: number } {
  let secrets = 0;
  const hide = (secret: string): string => {
    secrets += 1;
    return replacement + "\n".repeat(secret.split("\n").length - 1);
  };
  const clean = text
    .replace(privateKey, hide)
    .replace(knownTokens, hide)
    .replace(setting, (all, name: string, value: string) =>
      /\d/.test(value) && entropy(value) >= 3.5 ? name + hide(value) : all,
    )
    .replace(quotedWord, (word) => (isRandom(word) ? hide(word) : word));
  return { text: clean, secrets };
}

function isRandom(word: string): boolean {
  const mixed = /[a-z]/.test(word) && /[A-Z]/.test(word) && /\d/.test(word);
  return mixed && entropy(word) >= 4.2;
}

/** Bits per character, of the characters' own distribution. */
function entropy(word: string): number {
  const counts = new Map<string, number>();
  for (const character of word) counts.set(character, (counts.get(character) ?? 0) + 1);
  return Array.from(counts.values())
    .map((count) => count / word.length)
    .reduce((bits, share) => bits - share * Math.log2(share), 0);
}
