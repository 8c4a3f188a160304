/**
 * Parts of a text to show in its place.
 *
 *   none        the whole text
 *   paragraph   up to a line break
 *   sentence    of UAX #29; a line break ends one, too
 *   word        the token itself
 *
 * White space at the end of a paragraph or a sentence is left out. Where sentences end is what
 * `Intl.Segmenter` says, which does not say the same in every version: nothing of it is stored.
 */
export const fragmentKinds = ["none", "sentence", "paragraph", "word"] as const;
export type FragmentKind = (typeof fragmentKinds)[number];

/** Indexes into a text; the end is exclusive. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Asked with tokens of one text in their order: the fragment that a token begins in. */
export type FragmentAt = (token: Span) => Span;

export function prepareFragments(text: string, kind: FragmentKind): FragmentAt {
  switch (kind) {
    case "none": {
      const whole = { from: 0, to: text.length };
      return () => whole;
    }
    case "word":
      return ({ from, to }) => ({ from, to });
    case "paragraph": {
      const paragraphAt = prepareParagraphs(text);
      return remember(text, (token) => paragraphAt(token.from));
    }
    case "sentence":
      return remember(text, prepareSentences(text));
  }
}

/** The same object for all tokens of a fragment. */
function remember(text: string, find: FragmentAt): FragmentAt {
  let last: { readonly whole: Span; readonly trimmed: Span } | undefined;
  return (token) => {
    if (last === undefined || token.from >= last.whole.to) {
      const whole = find(token);
      const { from } = whole;
      const to = from + text.slice(from, whole.to).trimEnd().length;
      last = { whole, trimmed: { from, to } };
    }
    return last.trimmed;
  };
}

const lineBreak = /[\n\r\u0085\u2028\u2029]/g;

function prepareParagraphs(text: string): (at: number) => Span {
  let from = 0;
  let to = 0;
  return (at) => {
    while (at >= to) {
      from = to;
      lineBreak.lastIndex = from;
      const found = lineBreak.exec(text);
      to = found === null ? text.length : found.index + 1;
    }
    return { from, to };
  };
}

/** Of the standard, without what a language adds to it. */
let sentences: Intl.Segmenter | undefined;

function prepareSentences(text: string): FragmentAt {
  sentences ??= new Intl.Segmenter("en", { granularity: "sentence" });
  const segmenter = sentences;
  const paragraphAt = prepareParagraphs(text);
  let paragraph: Span = { from: 0, to: 0 };
  let rest: Iterator<Intl.SegmentData> | undefined;
  return ({ from: at }) => {
    if (at >= paragraph.to) {
      paragraph = paragraphAt(at);
      rest = segmenter.segment(text.slice(paragraph.from, paragraph.to))[Symbol.iterator]();
    }
    for (;;) {
      const next = rest?.next();
      if (next === undefined || next.done === true) return paragraph;
      const from = paragraph.from + next.value.index;
      const to = from + next.value.segment.length;
      if (at < to) return { from, to };
    }
  };
}
