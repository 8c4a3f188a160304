/**
 * Attribute values in their one canonical in-memory form. Equal values are equal in this form, and `compareValues`
 * is the order that filters, sorting and dictionaries share.
 *
 *   string   string
 *   int      number while safe, bigint beyond (i64)      uint  likewise (u64)
 *   float    number, finite                              bool  boolean
 *   uuid     lower case with dashes                      datetime  milliseconds since the epoch, a safe integer
 *   arrays   arrays of these, without nulls
 *   null     the attribute is absent
 */
import { compareText } from "./id.ts";

export type ScalarValue = string | number | bigint | boolean;
export type AttributeValue = ScalarValue | readonly ScalarValue[] | null;

/** Values of one attribute for consecutive rows; null = absent. */
export interface AttributeColumn {
  readonly name: string;
  readonly values: readonly AttributeValue[];
}

/** Order of two scalars of one type; false < true. */
export function compareScalars(a: ScalarValue, b: ScalarValue): number {
  if (typeof a === "string" && typeof b === "string") {
    return compareText(a, b);
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Absent sorts below every value; arrays compare element by element, then by length. */
export function compareValues(a: AttributeValue, b: AttributeValue): number {
  if (a === null || b === null) {
    return (a === null ? 0 : 1) - (b === null ? 0 : 1);
  }
  if (typeof a === "object" && typeof b === "object") {
    const length = Math.min(a.length, b.length);
    for (let i = 0; i < length; i++) {
      const order = compareScalars(a[i] as ScalarValue, b[i] as ScalarValue);
      if (order !== 0) {
        return order;
      }
    }
    return a.length - b.length;
  }
  return compareScalars(a as ScalarValue, b as ScalarValue);
}
