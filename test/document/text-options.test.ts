import { describe, expect, it } from "vitest";
import {
  applyAddition,
  emptySchema,
  reindexBelow,
  type Schema,
} from "../../src/document/schema.ts";
import { mergeSchemaInput, parseSchemaInput } from "../../src/document/schema-input.ts";
import { metadataSchemaView, schemaView } from "../../src/document/schema-view.ts";
import { defaultText } from "../../src/document/text-options.ts";
import { EngineError } from "../../src/errors.ts";

function merge(schema: Schema, input: unknown): Schema {
  return applyAddition(schema, mergeSchemaInput(schema, parseSchemaInput(input)));
}

function withText(options: unknown, type = "string"): Schema {
  return merge(emptySchema, { a: { type, full_text_search: options } });
}

function refusal(options: unknown, type = "string"): EngineError {
  try {
    withText(options, type);
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

const optionsOf = (schema: Schema) => schema.attributes.get("a")?.text?.options;

describe("full_text_search", () => {
  it("true and an empty map are the defaults", () => {
    expect(optionsOf(withText(true))).toEqual(defaultText);
    expect(optionsOf(withText({}))).toEqual(defaultText);
    for (const off of [false, null, undefined]) expect(optionsOf(withText(off))).toBeUndefined();
  });

  it("makes an attribute filterable only if that is said", () => {
    expect(withText(true).attributes.get("a")?.filterable).toBe(false);
    const both = { a: { type: "string", full_text_search: true, filterable: true } };
    expect(merge(emptySchema, both).attributes.get("a")?.filterable).toBe(true);
    const known = merge(emptySchema, { a: "string" });
    const later = merge(known, { a: { type: "string", full_text_search: true } });
    expect(later.attributes.get("a")?.filterable).toBe(true);
  });

  it("is shown with all options, and left out of metadata where it is off", () => {
    const shown = {
      k1: 1.2,
      k3: 8,
      b: 0.75,
      language: "english",
      stemming: false,
      remove_stopwords: false,
      ascii_folding: false,
      case_sensitive: false,
      max_token_length: 39,
      tokenizer: "word_v4",
    };
    expect(schemaView(withText(true))["a"]).toEqual({
      type: "string",
      filterable: false,
      full_text_search: shown,
    });
    expect(metadataSchemaView(withText(true))["a"]?.full_text_search).toEqual(shown);
    expect(metadataSchemaView(withText(false))["a"]).toEqual({ type: "string", filterable: true });
  });

  it("as a map changes what it names; the shorthand turns it off", () => {
    const first = withText({ b: 0.5, stemming: true, language: "german" });
    const second = merge(first, { a: { type: "string", full_text_search: { k1: 1.5 } } });
    expect(optionsOf(second)).toMatchObject({
      k1: 1.5,
      b: 0.5,
      stemming: true,
      language: "german",
    });
    const third = merge(second, { a: { type: "string", full_text_search: true } });
    expect(optionsOf(third)).toEqual(optionsOf(second));
    expect(merge(second, { b: "int" }).attributes.get("a")).toEqual(second.attributes.get("a"));
    expect(optionsOf(merge(second, { a: "string" }))).toBeUndefined();
  });

  it("asks for segments to be written again when the tokens change, not when scores do", () => {
    const first = merge(emptySchema, { a: "string" });
    const on = merge(first, { a: { type: "string", full_text_search: true } });
    expect(reindexBelow(on)).toBe(2);
    const scored = merge(on, { a: { type: "string", full_text_search: { k1: 2 } } });
    expect(reindexBelow(scored)).toBe(2);
    const stemmed = merge(scored, { a: { type: "string", full_text_search: { stemming: true } } });
    expect(reindexBelow(stemmed)).toBe(4);
    expect(reindexBelow(withText(true))).toBe(0);
  });

  it.each([
    [{ k1: 0 }],
    [{ k1: -1 }],
    [{ b: 1.1 }],
    [{ b: -0.1 }],
    [{ max_token_length: 0 }],
    [{ max_token_length: 255 }],
    [{ max_token_length: 1.5 }],
    [{ stemming: true, case_sensitive: true }],
    [{ remove_stopwords: true, language: "arabic" }],
    [{ remove_stopwords: true, language: "greek" }],
    [{ remove_stopwords: true, language: "romanian" }],
    [{ remove_stopwords: true, language: "tamil" }],
    [{ remove_stopwords: true, language: "turkish" }],
    [{ tokenizer: "pre_tokenized_array" }],
  ])("%j is invalid", (options) => {
    expect(refusal(options).kind).toBe("invalid");
  });

  it.each([
    [{ language: "klingon" }],
    [{ tokenizer: "word_v5" }],
    [{ stemming: "yes" }],
    [{ k1: "1" }],
    ["yes"],
    [1],
  ])("%j is malformed", (options) => {
    expect(refusal(options).kind).toBe("malformed");
  });

  it("of tokens takes only what scores them", () => {
    const options = { tokenizer: "pre_tokenized_array", k1: 2 };
    expect(optionsOf(withText(options, "[]string"))).toEqual({
      ...defaultText,
      k1: 2,
      caseSensitive: true,
      tokenizer: "pre_tokenized_array",
    });
    for (const more of [
      { stemming: true },
      { remove_stopwords: true },
      { case_sensitive: false },
      { language: "german" },
      { ascii_folding: true },
    ]) {
      expect(refusal({ ...options, ...more }, "[]string").kind).toBe("invalid");
    }
  });

  it.each(["int", "[]int", "uuid", "bool"])("of %s is refused", (type) => {
    expect(refusal(true, type).kind).toBe("invalid");
  });
});
