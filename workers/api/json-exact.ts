/**
 * Recursive-descent JSON parser (RFC 8259) for the texts JSON.parse gets wrong, and for the words
 * in which all malformed ones are refused. Gives what JSON.parse gives but for the numbers named in
 * json.ts.
 */
import { limits } from "../../src/limits.ts";
import { syntaxError } from "./json-error.ts";

export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

const i64Min = -(2n ** 63n);
const u64Max = 2n ** 64n - 1n;
/** Digits and sign of the longest 64-bit integer. */
const integerLengthMax = 20;

/** Characters of a key in an error. */
const keyShownMax = 64;

const literals = [
  ["true", true],
  ["false", false],
  ["null", null],
] as const;

export function parseExactly(text: string): JsonValue {
  return new ExactParser(text).document();
}

class ExactParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): JsonValue {
    const value = this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) {
      throw this.#error("trailing characters");
    }
    return value;
  }

  #value(): JsonValue {
    const next = this.#skipSpace();
    switch (next) {
      case 0x7b:
        return this.#nested(() => this.#object());
      case 0x5b:
        return this.#nested(() => this.#array());
      case 0x22:
        return this.#string();
      default:
        return next === 0x2d || isDigit(next) ? this.#number() : this.#literal();
    }
  }

  #nested<T>(parse: () => T): T {
    this.#depth += 1;
    if (this.#depth > limits.jsonDepthMax) {
      throw this.#error("recursion limit exceeded");
    }
    this.#at += 1;
    const value = parse();
    this.#depth -= 1;
    return value;
  }

  #object(): JsonValue {
    const object: Record<string, JsonValue> = {};
    if (this.#skipSpace() === 0x7d) {
      this.#at += 1;
      return object;
    }
    for (;;) {
      if (this.#skipSpace() !== 0x22) {
        throw this.#unexpected("object", 0x7d, "key must be a string");
      }
      const keyAt = this.#at;
      const key = this.#string();
      if (Object.hasOwn(object, key)) {
        this.#at = keyAt;
        throw this.#error(`duplicate key ${JSON.stringify(shorten(key))}`);
      }
      if (this.#skipSpace() !== 0x3a) {
        throw this.#unexpected("object", undefined, "expected `:`");
      }
      this.#at += 1;
      setOwn(object, key, this.#value());
      const next = this.#skipSpace();
      if (next !== 0x2c && next !== 0x7d) {
        throw this.#unexpected("object", undefined, "expected `,` or `}`");
      }
      this.#at += 1;
      if (next === 0x7d) {
        return object;
      }
    }
  }

  #array(): JsonValue {
    const array: JsonValue[] = [];
    if (this.#skipSpace() === 0x5d) {
      this.#at += 1;
      return array;
    }
    for (;;) {
      if (array.length > 0 && this.#skipSpace() === 0x5d) {
        throw this.#error("trailing comma");
      }
      array.push(this.#value());
      const next = this.#skipSpace();
      if (next !== 0x2c && next !== 0x5d) {
        throw this.#unexpected("list", undefined, "expected `,` or `]`");
      }
      this.#at += 1;
      if (next === 0x5d) {
        return array;
      }
    }
  }

  /** Escapes are checked here, for the place of an error; sound ones are left to JSON.parse. */
  #string(): string {
    const text = this.#text;
    const start = this.#at;
    let escaped = false;
    for (this.#at += 1; ; this.#at += 1) {
      const code = text.charCodeAt(this.#at);
      if (code === 0x22) {
        break;
      }
      if (code === 0x5c) {
        escaped = true;
        this.#skipEscape();
      } else if (code < 0x20) {
        throw this.#error("control character (\\u0000-\\u001F) found while parsing a string");
      } else if (Number.isNaN(code)) {
        throw this.#error("EOF while parsing a string");
      }
    }
    this.#at += 1;
    return escaped
      ? (JSON.parse(text.slice(start, this.#at)) as string)
      : text.slice(start + 1, this.#at - 1);
  }

  /** From the backslash to the last character of the escape, or of a pair of them. */
  #skipEscape(): void {
    const text = this.#text;
    this.#at += 1;
    if (!'"\\/bfnrtu'.includes(text.charAt(this.#at)) || this.#at >= text.length) {
      throw this.#unexpected("string", undefined, "invalid escape");
    }
    if (text[this.#at] !== "u") {
      return;
    }
    const unit = this.#hexEscape();
    if (unit >= 0xd800 && unit <= 0xdfff) {
      const paired = unit < 0xdc00 && text.startsWith("\\u", this.#at + 1);
      if (!paired) {
        throw this.#error("lone surrogate in hex escape");
      }
      this.#at += 2;
      const low = this.#hexEscape();
      if (low < 0xdc00 || low > 0xdfff) {
        throw this.#error("lone surrogate in hex escape");
      }
    }
  }

  /** From the "u" to the last of its four digits. */
  #hexEscape(): number {
    const digits = this.#text.slice(this.#at + 1, this.#at + 5);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) {
      throw this.#error("invalid escape");
    }
    this.#at += 4;
    return Number.parseInt(digits, 16);
  }

  #number(): number | bigint {
    const text = this.#text;
    const start = this.#at;
    let isInteger = true;
    if (text.charCodeAt(this.#at) === 0x2d) {
      this.#at += 1;
    }
    if (text.charCodeAt(this.#at) === 0x30) {
      this.#at += 1;
    } else {
      this.#digits();
    }
    if (text.charCodeAt(this.#at) === 0x2e) {
      isInteger = false;
      this.#at += 1;
      this.#digits();
    }
    if ((text.charCodeAt(this.#at) | 0x20) === 0x65) {
      isInteger = false;
      this.#at += 1;
      const sign = text.charCodeAt(this.#at);
      if (sign === 0x2b || sign === 0x2d) {
        this.#at += 1;
      }
      this.#digits();
    }
    const token = text.slice(start, this.#at);
    const value = Number(token);
    if (!Number.isFinite(value)) {
      this.#at = start;
      throw this.#error("number out of range");
    }
    return isInteger && !Number.isSafeInteger(value) ? wideInteger(token, value) : value;
  }

  #digits(): void {
    const text = this.#text;
    if (!isDigit(text.charCodeAt(this.#at))) {
      throw this.#unexpected("value", undefined, "invalid number");
    }
    while (isDigit(text.charCodeAt(this.#at))) {
      this.#at += 1;
    }
  }

  #literal(): JsonValue {
    for (const [word, value] of literals) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    throw this.#unexpected("value", undefined, "expected value");
  }

  /** To the next character that is not white space; its code, NaN at the end. */
  #skipSpace(): number {
    const text = this.#text;
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) {
        return code;
      }
      this.#at += 1;
    }
  }

  /** The error for what stands here: the end, a bracket that follows a comma, or anything else. */
  #unexpected(inside: string, bracket: number | undefined, reason: string) {
    if (this.#at >= this.#text.length) {
      const article = /^[aeiou]/.test(inside) ? "an" : "a";
      return this.#error(`EOF while parsing ${article} ${inside}`);
    }
    const afterComma = bracket !== undefined && this.#text.charCodeAt(this.#at) === bracket;
    return this.#error(afterComma ? "trailing comma" : reason);
  }

  #error(reason: string) {
    return syntaxError(reason, this.#text, this.#at);
  }
}

/** The integer as it stands if 64 bits hold it, else the nearest double. */
function wideInteger(token: string, value: number): number | bigint {
  if (token.length > integerLengthMax) {
    return value;
  }
  const exact = BigInt(token);
  return exact >= i64Min && exact <= u64Max ? exact : value;
}

/** Plain assignment to "__proto__" would set the prototype. */
function setOwn(object: Record<string, JsonValue>, key: string, value: JsonValue): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else {
    object[key] = value;
  }
}

function shorten(key: string): string {
  return key.length <= keyShownMax ? key : `${key.slice(0, keyShownMax).toWellFormed()}…`;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
