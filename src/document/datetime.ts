/**
 * Points in time: ISO-8601 text <-> milliseconds since 1970-01-01T00:00:00Z in the proleptic
 * Gregorian calendar, years 0000 … 9999.
 *
 *   2024-03-02                        midnight UTC
 *   2024-03-02T10:30[:15[.123456]]    no zone: UTC; `T` may be `t` or a space
 *   …Z, …+02:00, …-0530, …+02         digits of a second after the third are dropped
 *
 * Written by hand because the engine has no clock and `Date` accepts far more than this.
 */
const pattern = new RegExp(
  "^(\\d{4})-(\\d{2})-(\\d{2})" +
    "(?:[Tt ](\\d{2}):(\\d{2})(?::(\\d{2})(?:[.,](\\d{1,18}))?)?" +
    "([Zz]|[+-]\\d{2}(?::?\\d{2})?)?)?$",
);

const dayMs = 86_400_000;
export const datetimeMsMin = daysFromCivil(0, 1, 1) * dayMs;
export const datetimeMsMax = daysFromCivil(10_000, 1, 1) * dayMs - 1;

/** Undefined when the text is not such a time. */
export function parseDatetime(text: string): number | undefined {
  const match = pattern.exec(text);
  if (match === null) {
    return undefined;
  }
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "0", zone = "Z"] =
    match;
  const days = checkedDays(Number(year), Number(month), Number(day));
  const offset = zoneMinutes(zone);
  const [h, m, s] = [Number(hour), Number(minute), Number(second)];
  if (days === undefined || offset === undefined || h > 23 || m > 59 || s > 59) {
    return undefined;
  }
  const millis = Number(fraction.slice(0, 3).padEnd(3, "0"));
  const time = days * dayMs + ((h * 60 + m - offset) * 60 + s) * 1_000 + millis;
  return time < datetimeMsMin || time > datetimeMsMax ? undefined : time;
}

/** The one form the API answers: UTC with nine decimals. */
export function formatDatetime(time: number): string {
  const days = Math.floor(time / dayMs);
  const rest = time - days * dayMs;
  const { year, month, day } = civilFromDays(days);
  const hour = digits(Math.floor(rest / 3_600_000), 2);
  const minute = digits(Math.floor(rest / 60_000) % 60, 2);
  const second = digits(Math.floor(rest / 1_000) % 60, 2);
  const date = `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`;
  return `${date}T${hour}:${minute}:${second}.${digits(rest % 1_000, 3)}000000Z`;
}

function zoneMinutes(zone: string): number | undefined {
  if (zone === "Z" || zone === "z") {
    return 0;
  }
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(":", "") || "0");
  if (hours > 23 || minutes > 59) {
    return undefined;
  }
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

function checkedDays(year: number, month: number, day: number): number | undefined {
  if (month < 1 || month > 12 || day < 1) {
    return undefined;
  }
  const nextMonth =
    month === 12 ? daysFromCivil(year + 1, 1, 1) : daysFromCivil(year, month + 1, 1);
  const first = daysFromCivil(year, month, 1);
  return day > nextMonth - first ? undefined : first + day - 1;
}

/**
 * Days since 1970-01-01. Years begin in March, so that the leap day is the last day of its year;
 * then 400 years are 146,097 days and months follow the pattern (153 m + 2) / 5. After H. Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms".
 */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function civilFromDays(days: number): { year: number; month: number; day: number } {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1,
  };
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: dayMs,
  w: 7 * dayMs,
};

/** Milliseconds of a duration such as `12h`, or undefined. */
export function parseDuration(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h|d|w)$/.exec(text) ?? [];
  const each = unitMs[unit ?? ""];
  return each === undefined ? undefined : Number(digits) * each;
}
