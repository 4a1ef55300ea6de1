// `geo` with `ranges`: IPv4 ranges, kept apart by the upper half of their addresses. A range may lie
// in another one and takes its place there; one that overlaps another partly is refused. nginx cuts
// ranges at the same places, so the same configurations are refused.

/** From `start` to `end`, both included, of one upper half. */
interface Piece {
  start: number;
  end: number;
  value: string;
}

/** Ranges of IPv4 addresses, as 32-bit numbers. */
export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

/** What came of adding a range. */
export interface AddedRange {
  /** Values that were replaced, since the very range was there already. */
  readonly replaced: readonly string[];
  /** What it overlaps partly; the range is not added then. */
  readonly overlaps: AddressRange | null;
}

export class GeoRanges {
  /** By the upper half of the address; each list in order. */
  readonly #pieces: (Piece[] | undefined)[] = [];

  add(range: AddressRange, value: string): AddedRange {
    const replaced: string[] = [];
    for (const { upper, start, end } of cut(range)) {
      const list = (this.#pieces[upper] ??= []);
      const at = list.findIndex((piece) => piece.end >= start);
      const known = list[at];
      if (known === undefined) list.push({ start, end, value });
      else if (end < known.start) list.splice(at, 0, { start, end, value });
      else if (start === known.start && end === known.end) {
        replaced.push(known.value);
        known.value = value;
      } else if (start >= known.start && end <= known.end) {
        list.splice(at, 1, ...split(known, { start, end, value }));
      } else {
        return { replaced, overlaps: whole(upper, lastOverlapped(list, end) ?? known) };
      }
    }
    return { replaced, overlaps: null };
  }

  /** @returns false where the range, or a piece of it, is not there */
  delete(range: AddressRange): boolean {
    let complete = true;
    for (const { upper, start, end } of cut(range)) {
      const list = this.#pieces[upper] ?? [];
      const at = list.findIndex((piece) => piece.start === start && piece.end === end);
      if (at === -1) complete = false;
      else list.splice(at, 1);
    }
    return complete;
  }

  /** @param address - as a 32-bit number */
  find(address: number): string | undefined {
    const list = this.#pieces[address >>> 16];
    if (list === undefined) return undefined;
    const lower = address & 0xffff;
    let first = 0;
    let behind = list.length;
    while (first < behind) {
      const middle = (first + behind) >>> 1;
      if ((list[middle]?.end ?? 0) < lower) first = middle + 1;
      else behind = middle;
    }
    const piece = list[first];
    return piece !== undefined && piece.start <= lower ? piece.value : undefined;
  }
}

function* cut({ start, end }: AddressRange): Generator<{ upper: number } & AddressRange> {
  const last = end >>> 16;
  for (let upper = start >>> 16; upper <= last; upper += 1) {
    yield {
      upper,
      start: upper === start >>> 16 ? start & 0xffff : 0,
      end: upper === last ? end & 0xffff : 0xffff,
    };
  }
}

function split(known: Piece, inner: Piece): Piece[] {
  const pieces = [inner];
  if (inner.start > known.start) pieces.unshift({ ...known, end: inner.start - 1 });
  if (inner.end < known.end) pieces.push({ ...known, start: inner.end + 1 });
  return pieces;
}

// nginx looks from the upper end: it names the last one that the range reaches into.
function lastOverlapped(list: readonly Piece[], end: number): Piece | undefined {
  return list.findLast((piece) => piece.start <= end);
}

function whole(upper: number, { start, end }: Piece): AddressRange {
  return { start: upper * 65_536 + start, end: upper * 65_536 + end };
}
