/** Base64 texts for the portable codec and the platform's: both must do the same. */

/** The texts of the first 0 … 6 letters of "foobar": RFC 4648, section 10. */
export const foobarTexts = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];

/** Texts that are not the one spelling of some bytes. */
export const invalidTexts = [
  "Z",
  "Zg",
  "Zg=",
  "Zg===",
  "Zh==",
  "Zm9=",
  "====",
  "Z===",
  "Zg==Zg==",
  "Z=g=",
  "Zm9v\n",
  " Zm9",
  "Zm 9v Yg==  ",
  "Zm\t\n",
  "Zm-_",
  "Zmé=",
  "Zm漢v",
  "Zm\0v",
];
