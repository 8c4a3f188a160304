/**
 * Letters with marks -> ASCII: naïve -> naive, Straße -> Strasse. A character whose compatibility
 * decomposition is ASCII but for its marks becomes that; some Latin letters have no decomposition
 * and are listed. All others stay as they are.
 */
const letters = new Map<string, string>(
  Object.entries({
    ß: "ss",
    ẞ: "SS",
    æ: "ae",
    Æ: "AE",
    œ: "oe",
    Œ: "OE",
    ø: "o",
    Ø: "O",
    đ: "d",
    Đ: "D",
    ð: "d",
    Ð: "D",
    þ: "th",
    Þ: "TH",
    ł: "l",
    Ł: "L",
    ħ: "h",
    Ħ: "H",
    ı: "i",
    ŋ: "n",
    Ŋ: "N",
    ŧ: "t",
    Ŧ: "T",
    ĸ: "q",
    ſ: "s",
    ƒ: "f",
    ə: "a",
    Ə: "A",
    "‘": "'",
    "’": "'",
    "‚": "'",
    "‛": "'",
    "“": '"',
    "”": '"',
    "„": '"',
    "‐": "-",
    "‑": "-",
    "–": "-",
    "—": "-",
  }),
);

const ascii = /^\p{ASCII}*$/u;
const marks = /\p{M}+/gu;

export function foldToAscii(word: string): string {
  if (ascii.test(word)) return word;
  let folded = "";
  for (const character of word.normalize("NFC")) {
    folded += foldCharacter(character);
  }
  return folded;
}

function foldCharacter(character: string): string {
  const listed = letters.get(character);
  if (listed !== undefined) return listed;
  const bare = character.normalize("NFKD").replaceAll(marks, "");
  return bare !== "" && ascii.test(bare) ? bare : character;
}
