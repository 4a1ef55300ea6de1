// Times as nginx writes them: `30s`, `500ms`, `1h30m`, a bare number in seconds. Units stand in
// falling order, each at most once.

interface Unit {
  readonly name: string;
  readonly ms: number;
}

const second = 1000;
const day = 24 * 60 * 60 * second;

// In falling order: a unit may only be followed by one further down the list.
const allUnits: readonly Unit[] = [
  { name: 'y', ms: 365 * day },
  { name: 'M', ms: 30 * day },
  { name: 'w', ms: 7 * day },
  { name: 'd', ms: day },
  { name: 'h', ms: 60 * 60 * second },
  { name: 'm', ms: 60 * second },
  { name: 's', ms: second },
  { name: 'ms', ms: 1 },
];

const secondUnits = allUnits.slice(0, -1);

// nginx takes months and years only where it counts in seconds.
const millisecondUnits = allUnits.slice(2);

const partPattern = /(\d+)(ms|[yMwdhms])? */y;

function parseWith(units: readonly Unit[], text: string): number | null {
  let total = 0;
  let next = 0;
  partPattern.lastIndex = 0;
  while (partPattern.lastIndex < text.length) {
    const match = partPattern.exec(text);
    if (match === null) return null;
    const count = Number(match[1]);
    if (match[2] === undefined) {
      // A number without a unit counts seconds and ends the time.
      if (partPattern.lastIndex < text.length) return null;
      total += count * second;
      continue;
    }
    const index = units.findIndex((unit) => unit.name === match[2]);
    const unit = units[index];
    if (unit === undefined || index < next) return null;
    next = index + 1;
    total += count * unit.ms;
  }
  return text !== '' && Number.isSafeInteger(total) ? total : null;
}

/**
 * Reads a time with a resolution of milliseconds. Units: `ms s m h d w`; none means seconds.
 *
 * @returns milliseconds, or null where the text is no such time
 */
export function parseMilliseconds(text: string): number | null {
  return parseWith(millisecondUnits, text);
}

/**
 * Reads a time with a resolution of seconds. Units: `s m h d w M y` (30 and 365 days).
 *
 * @returns seconds, or null where the text is no such time
 */
export function parseSeconds(text: string): number | null {
  const ms = parseWith(secondUnits, text);
  return ms === null ? null : ms / second;
}
