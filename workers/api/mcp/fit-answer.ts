/**
 * Makes an answer small enough for a model to read: texts are cut first, each to a length at which
 * it is still recognised, and if that is not enough rows are left out, last ones first. What was
 * left out is said, with how to ask for less, so nothing is missing silently.
 */
import { isJsonObject } from "../../../src/document/shape.ts";
import { encodeJson, type JsonValue, parseJson } from "../json.ts";

/** Characters that a cut text keeps. */
const textCharactersKept = 1_500;
/** Lists of these names may be cut short: what follows in them is of less interest. */
const lists = ["rows", "aggregation_groups", "namespaces"] as const;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** `text` is JSON, as is what is returned, of at most `bytesMax` bytes where that can be done. */
export function fitAnswer(text: string, bytesMax: number): string {
  const bytes = encoder.encode(text);
  if (bytes.length <= bytesMax) return text;
  const answer = parseJson(bytes);
  if (!isJsonObject(answer)) return text;
  const cut = cutTexts(answer as Record<string, JsonValue>);
  const whole = render(cut, "long texts were cut");
  if (whole.length <= bytesMax) return decoder.decode(whole);
  // Each attempt halves the rows: an answer is encoded a few times, whatever is in it.
  const parts = partsOf(cut);
  for (let share = 0.5; ; share /= 2) {
    const kept = parts.map((rows) => Math.floor(rows.length * share));
    const [shown, all] = [sum(kept), sum(parts.map((rows) => rows.length))];
    const note =
      `long texts were cut, and only ${shown} of ${all} entries are shown: ask for fewer, or for ` +
      "fewer attributes";
    const shorter = render(keepFirst(cut, share), note);
    if (shorter.length <= bytesMax || shown === 0) return decoder.decode(shorter);
  }
}

function render(answer: Record<string, JsonValue>, note: string): Uint8Array {
  return encodeJson({ ...answer, truncated: note });
}

function partsOf(answer: Record<string, JsonValue>): readonly (readonly JsonValue[])[] {
  const own = lists.flatMap((name) => {
    const list = answer[name];
    return Array.isArray(list) ? [list] : [];
  });
  const { results } = answer;
  const inner = Array.isArray(results) ? results : [];
  return [...own, ...inner.flatMap((part) => (isRecord(part) ? partsOf(part) : []))];
}

function keepFirst(answer: Record<string, JsonValue>, share: number): Record<string, JsonValue> {
  const shorter: Record<string, JsonValue> = { ...answer };
  for (const name of lists) {
    const list = answer[name];
    if (Array.isArray(list)) shorter[name] = list.slice(0, Math.floor(list.length * share));
  }
  const { results } = answer;
  if (Array.isArray(results)) {
    shorter["results"] = results.map((part) => (isRecord(part) ? keepFirst(part, share) : part));
  }
  return shorter;
}

function cutTexts<T extends JsonValue>(value: T): T {
  if (typeof value === "string") return cutText(value) as T;
  if (Array.isArray(value)) return value.map((element) => cutTexts(element as JsonValue)) as T & [];
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).map(([name, part]) => [name, cutTexts(part)] as const);
  return Object.fromEntries(entries) as T;
}

/** Never between the halves of a surrogate pair, which no JSON may hold alone. */
function cutText(text: string): string {
  if (text.length <= textCharactersKept) return text;
  const kept = text.slice(0, textCharactersKept).replace(/[\uD800-\uDBFF]$/, "");
  return `${kept} … (cut, ${text.length} characters)`;
}

function isRecord(value: JsonValue): value is Record<string, JsonValue> & JsonValue {
  return isJsonObject(value);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
