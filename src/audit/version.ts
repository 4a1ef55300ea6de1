// Versions of nginx, compared.

/** Major, minor, patch. An even minor is a stable branch. */
export type NginxVersion = readonly [number, number, number];

/** Reads "1.25.3"; null for anything else. */
export function parseVersion(text: string): NginxVersion | null {
  const found = /^(\d+)\.(\d+)\.(\d+)$/.exec(text.trim());
  return found === null ? null : [Number(found[1]), Number(found[2]), Number(found[3])];
}

/** Is a version at least that one? */
export function isAtLeast(version: NginxVersion, least: NginxVersion): boolean {
  for (const i of [0, 1, 2] as const) {
    if (version[i] !== least[i]) return version[i] > least[i];
  }
  return true;
}

/**
 * Has a version what some release mended?
 *
 * @param fixes - "1.29.5" and "1.28.2": of each branch the first with it
 */
export function hasFix(version: NginxVersion, fixes: readonly string[]): boolean {
  return fixes
    .map(parseVersion)
    .filter((fix) => fix !== null)
    .some((fix, i) => {
      // The first is the newest branch: everything after it has the fix too.
      if (i === 0) return isAtLeast(version, fix);
      return version[0] === fix[0] && version[1] === fix[1] && version[2] >= fix[2];
    });
}
