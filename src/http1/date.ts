// Dates in fields (RFC 9110 5.6.7): Last-Modified, If-Modified-Since, Expires and others. All three
// forms are read, and nothing else: Date.parse takes "0", "2030" and dates without a zone for dates
// as well, the latter in the machine's own time zone.

import { now } from '../base/clock.ts';

const months: Readonly<Record<string, number>> = {
  ...{ Jan: 0, Feb: 1, Mar: 2, Apr: 3, May: 4, Jun: 5 },
  ...{ Jul: 6, Aug: 7, Sep: 8, Oct: 9, Nov: 10, Dec: 11 },
};

const day = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const longDay = '(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day';
const month = `(?<month>${Object.keys(months).join('|')})`;
const time = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)';

const forms = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  new RegExp(`^${day}, (?<date>\\d\\d) ${month} (?<year>\\d{4}) ${time} GMT$`),
  // Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(`^${longDay}, (?<date>\\d\\d)-${month}-(?<year>\\d\\d) ${time} GMT$`),
  // Sun Nov  6 08:49:37 1994
  new RegExp(`^${day} ${month} (?<date>\\d\\d| \\d) ${time} (?<year>\\d{4})$`),
];

/**
 * Reads an HTTP date. Whether the name of the day is that of the date is not looked at.
 *
 * @param text - value of the field
 * @returns seconds since the epoch; null where it is none of the three forms, or no date that exists
 */
export function parseDate(text: string): number | null {
  for (const form of forms) {
    const groups = form.exec(text)?.groups;
    if (groups !== undefined) return secondsOf(groups);
  }
  return null;
}

function secondsOf(groups: Readonly<Record<string, string>>): number | null {
  const number = (name: string): number => Number(groups[name]);
  const date = number('date');
  const monthIndex = months[groups['month'] ?? ''] ?? 0;
  const [hour, minute, second] = [number('hour'), number('minute'), number('second')];
  // A minute may have a leap second.
  if (hour > 23 || minute > 59 || second > 60) return null;
  const year = groups['year']?.length === 2 ? fullYear(number('year')) : number('year');
  const result = new Date(0);
  result.setUTCFullYear(year, monthIndex, date);
  if (result.getUTCMonth() !== monthIndex || result.getUTCDate() !== date) return null;
  return result.setUTCHours(hour, minute, second) / 1000;
}

// What would be more than 50 years ahead is of the century before.
function fullYear(twoDigits: number): number {
  const thisYear = new Date(now()).getUTCFullYear();
  let year = thisYear - (thisYear % 100) + 100 + twoDigits;
  while (year - thisYear > 50) year -= 100;
  return year;
}
