// What the tls room finds in the settings of a policy, reported at the lines that they stand in.

import { SallyportError } from '../base/errors.ts';
import type { Position } from '../config/node.ts';
import { PolicyError, type PolicyFinding } from '../tls/policy-findings.ts';
import type { BuildContext } from './build-context.ts';

/** Where the setting of a finding stands; null where it is a default. */
export type FindingPlace = (finding: PolicyFinding) => Position | null;

/** Reports warnings. */
export function reportWarnings(
  findings: readonly PolicyFinding[],
  place: FindingPlace,
  context: BuildContext,
): void {
  for (const one of findings) context.reportOnce('warning', place(one), one.message);
}

/**
 * Reports why a policy could not be made.
 *
 * @param fallback - the place of what belongs to no setting
 * @throws everything that is no finding about the configuration
 */
export function reportPolicyError(
  thrown: unknown,
  place: FindingPlace,
  fallback: Position | null,
  context: BuildContext,
): void {
  if (thrown instanceof PolicyError) {
    for (const one of thrown.findings) context.reportOnce('error', place(one), one.message);
  } else if (thrown instanceof SallyportError) {
    context.reportOnce('error', fallback, thrown.message);
  } else {
    throw thrown;
  }
}
