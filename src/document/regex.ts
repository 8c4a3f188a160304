/**
 * Regular expressions in the syntax of RE2, found anywhere in a text unless anchored. Matching
 * takes time linear in the text: no pattern is a bomb. There is no look-around and there are no
 * back-references.
 *
 * Cost: length of the compiled pattern x length of the text at the worst, which limits bound;
 * mostly one step a character.
 */
import { RE2JS } from "re2js";
import { invalid } from "../errors.ts";
import { limits } from "../limits.ts";
import type { TextSteps, TextTest } from "./text-steps.ts";

/** Throws `invalid` for what is no regular expression. */
export function compileRegex(pattern: string, steps: TextSteps): TextTest {
  if (pattern.length > limits.patternCharsMax) {
    throw refuse(`it is longer than ${limits.patternCharsMax} characters`);
  }
  const regex = compile(pattern);
  const size = regex.programSize();
  if (size > limits.regexProgramMax) {
    throw refuse(`it compiles to ${size} instructions, and ${limits.regexProgramMax} are allowed`);
  }
  return (text) => {
    steps.take((text.length + 1) * size);
    return regex.test(text);
  };
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw refuse(text.replace(/^error parsing regexp: /, ""));
  }
}

function refuse(reason: string): Error {
  return invalid(`💔 the regular expression cannot be used: ${reason}`, "filters");
}
