/**
 * How the text of an attribute is made searchable: options of `full_text_search`, as users write
 * them and as the API shows them.
 *
 *   tokenizer         word_v4; word_v0 … word_v3, pre_tokenized_array (on []string only)
 *   language          english      whose stemmer and stop words
 *   stemming          false        remove_stopwords false      ascii_folding false
 *   case_sensitive    false        max_token_length 39         characters, longer ones are dropped
 *   k1 1.2   b 0.75   k3 8         of BM25
 *
 * `true` or an empty map: the defaults. A map changes what it names and keeps the rest.
 */
import { invalid } from "../errors.ts";
import { describeJson, isJsonObject, malformedAt, wrongShape } from "./shape.ts";

export const tokenizers = [
  "word_v4",
  "word_v3",
  "word_v2",
  "word_v1",
  "word_v0",
  "pre_tokenized_array",
] as const;
export type Tokenizer = (typeof tokenizers)[number];

export const languages = [
  "english",
  "arabic",
  "danish",
  "dutch",
  "finnish",
  "french",
  "german",
  "greek",
  "hungarian",
  "italian",
  "norwegian",
  "portuguese",
  "romanian",
  "russian",
  "spanish",
  "swedish",
  "tamil",
  "turkish",
] as const;
export type Language = (typeof languages)[number];

/** Languages without a list of stop words. */
const withoutStopwords: ReadonlySet<Language> = new Set([
  "arabic",
  "greek",
  "romanian",
  "tamil",
  "turkish",
]);

export interface TextOptions {
  readonly tokenizer: Tokenizer;
  readonly language: Language;
  readonly stemming: boolean;
  readonly removeStopwords: boolean;
  readonly caseSensitive: boolean;
  readonly asciiFolding: boolean;
  readonly maxTokenLength: number;
  readonly k1: number;
  readonly b: number;
  readonly k3: number;
}

/** What a user says: off, or the options named. */
export type TextInput = false | Partial<TextOptions>;

export const defaultText: TextOptions = {
  tokenizer: "word_v4",
  language: "english",
  stemming: false,
  removeStopwords: false,
  caseSensitive: false,
  asciiFolding: false,
  maxTokenLength: 39,
  k1: 1.2,
  b: 0.75,
  k3: 8,
};

export const tokenLengthMax = 254;

/** Aliases and not interfaces, so that they pass for JSON. */
export type TextView = {
  readonly k1: number;
  readonly k3: number;
  readonly b: number;
  readonly language: Language;
  readonly stemming: boolean;
  readonly remove_stopwords: boolean;
  readonly ascii_folding: boolean;
  readonly case_sensitive: boolean;
  readonly max_token_length: number;
  readonly tokenizer: Tokenizer;
};

export function textView(options: TextOptions): TextView {
  const { k1, k3, b, language, stemming, tokenizer } = options;
  return {
    k1,
    k3,
    b,
    language,
    stemming,
    remove_stopwords: options.removeStopwords,
    ascii_folding: options.asciiFolding,
    case_sensitive: options.caseSensitive,
    max_token_length: options.maxTokenLength,
    tokenizer,
  };
}

/** All that decides which tokens a text has. Scores may change without it. */
export function analysisOf(options: TextOptions): string {
  const { tokenizer, language, maxTokenLength } = options;
  if (tokenizer === "pre_tokenized_array") {
    return tokenizer;
  }
  const flags = [
    options.caseSensitive ? "case" : "lower",
    String(maxTokenLength),
    ...(options.removeStopwords ? [`stop-${language}`] : []),
    ...(options.stemming ? [`stem-${language}`] : []),
    ...(options.asciiFolding ? ["fold"] : []),
  ];
  // Both are the same words.
  return [tokenizer === "word_v3" ? "word_v4" : tokenizer, ...flags].join(",");
}

export function sameText(a: TextOptions | undefined, b: TextOptions | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const others = b as unknown as Readonly<Record<string, unknown>>;
  return Object.entries(a).every(([name, value]) => others[name] === value);
}

// ---- Input
// ----------------------------------------------------------------------------------------

/** Undefined: nothing is said. */
export function parseTextInput(value: unknown, path: string): TextInput | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "boolean") return value ? {} : false;
  if (!isJsonObject(value)) {
    throw wrongShape(path, value, "a boolean or a map");
  }
  const read = <T>(key: string, parse: (json: unknown, place: string) => T): T | undefined => {
    const json = Object.hasOwn(value, key) ? value[key] : null;
    return json === null ? undefined : parse(json, `${path}.${key}`);
  };
  const input = {
    tokenizer: read("tokenizer", oneOf(tokenizers)),
    language: read("language", oneOf(languages)),
    stemming: read("stemming", parseBoolean),
    removeStopwords: read("remove_stopwords", parseBoolean),
    caseSensitive: read("case_sensitive", parseBoolean),
    asciiFolding: read("ascii_folding", parseBoolean),
    maxTokenLength: read("max_token_length", parseNumber),
    k1: read("k1", parseNumber),
    b: read("b", parseNumber),
    k3: read("k3", parseNumber),
  };
  return Object.fromEntries(
    Object.entries(input).filter(([, option]) => option !== undefined),
  ) as Partial<TextOptions>;
}

function oneOf<T extends string>(names: readonly T[]) {
  return (json: unknown, path: string): T => {
    if (typeof json !== "string") {
      throw wrongShape(path, json, "a string");
    }
    const found = names.find((name) => name === json);
    if (found === undefined) {
      const known = names.map((name) => `\`${name}\``).join(", ");
      throw malformedAt(path, `unknown variant ${describeJson(json)}, expected one of ${known}`);
    }
    return found;
  };
}

function parseBoolean(json: unknown, path: string): boolean {
  if (typeof json !== "boolean") {
    throw wrongShape(path, json, "a boolean");
  }
  return json;
}

function parseNumber(json: unknown, path: string): number {
  if (typeof json !== "number") {
    throw wrongShape(path, json, "a number");
  }
  return json;
}

/** What holds once the input is applied; throws for what cannot be. */
export function mergeText(
  attribute: string,
  type: string,
  current: TextOptions | undefined,
  input: TextInput | undefined,
): TextOptions | undefined {
  if (input === undefined) return current;
  if (input === false) return undefined;
  const refuse = (text: string) =>
    invalid(`💔 attribute \`${attribute}\`: full_text_search: ${text}`, attribute);
  if (type !== "string" && type !== "[]string") {
    throw refuse(`requires the type string or []string, but the type is ${type}`);
  }
  const tokenizer = input.tokenizer ?? current?.tokenizer ?? defaultText.tokenizer;
  if (tokenizer === "pre_tokenized_array") {
    return mergePreTokenized(type, current, input, refuse);
  }
  const base = current?.tokenizer === "pre_tokenized_array" ? scoring(current) : (current ?? {});
  const merged: TextOptions = { ...defaultText, ...base, ...input, tokenizer };
  const fault = textFault(merged);
  if (fault !== undefined) throw refuse(fault);
  return merged;
}

function mergePreTokenized(
  type: string,
  current: TextOptions | undefined,
  input: Partial<TextOptions>,
  refuse: (text: string) => Error,
): TextOptions {
  const tokenizer = "pre_tokenized_array";
  if (type !== "[]string") {
    throw refuse(`\`${tokenizer}\` requires the type []string, but the type is ${type}`);
  }
  for (const [name, isSet] of [
    ["stemming", input.stemming],
    ["remove_stopwords", input.removeStopwords],
    ["ascii_folding", input.asciiFolding],
    ["case_sensitive: false", input.caseSensitive === false],
    ["language", input.language !== undefined],
  ] as const) {
    if (isSet) throw refuse(`\`${name}\` cannot be set with \`${tokenizer}\``);
  }
  const given = current === undefined ? {} : scoring(current);
  const merged = { ...defaultText, ...given, ...input, caseSensitive: true, tokenizer } as const;
  const fault = textFault(merged);
  if (fault !== undefined) throw refuse(fault);
  return merged;
}

function scoring({ k1, b, k3 }: TextOptions): Pick<TextOptions, "k1" | "b" | "k3"> {
  return { k1, b, k3 };
}

/** Why there can be no such options, or undefined. Also asked of what comes from storage. */
export function textFault(options: TextOptions): string | undefined {
  const { k1, b, k3, maxTokenLength, language } = options;
  if (!(k1 > 0 && k1 < Infinity)) return "`k1` must be greater than 0";
  if (!(b >= 0 && b <= 1)) return "`b` must be between 0 and 1";
  if (!(k3 >= 0 && k3 < Infinity)) return "`k3` cannot be negative";
  if (!(Number.isInteger(maxTokenLength) && maxTokenLength >= 1)) {
    return "`max_token_length` must be a whole number of at least 1";
  }
  if (maxTokenLength > tokenLengthMax) {
    return `\`max_token_length\` must be at most ${tokenLengthMax}`;
  }
  if (options.stemming && options.caseSensitive) {
    return "`stemming` cannot be combined with `case_sensitive`";
  }
  if (options.removeStopwords && withoutStopwords.has(language)) {
    return `there are no stop words of the language ${language} to remove`;
  }
  return undefined;
}
