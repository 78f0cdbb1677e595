// Invariants: named rules that a command is checked against. Events already recorded are never checked again.
import { ConcordError } from '@concord/kernel';

/** `request`: the command itself is wrong (HTTP 422). `state`: it conflicts with the present state (HTTP 409). */
export type InvariantKind = 'request' | 'state';

/** A named rule. `reason` is read by people: it says what was asked and what stands against it. */
export interface Invariant<Facts> {
  readonly name: string;
  readonly kind: InvariantKind;
  readonly holds: (facts: Facts) => boolean;
  readonly reason: (facts: Facts) => string;
}

/** A command would have broken an invariant; nothing was changed. */
export class InvariantBroken extends ConcordError {
  readonly code = 'invariant-broken';

  constructor(
    readonly invariant: string,
    readonly kind: InvariantKind,
    reason: string,
  ) {
    super(reason, { invariant });
  }
}

/** Declares a rule; the name is kebab-case and stable, callers see it. */
export function invariant<Facts>(rule: Invariant<Facts>): Invariant<Facts> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(rule.name)) {
    throw new TypeError(`invariant "${rule.name}" needs a kebab-case name`);
  }
  return Object.freeze(rule);
}

/** Checks one rule. Errors: InvariantBroken with the rule's name and reason. */
export function ensure<Facts>(rule: Invariant<Facts>, facts: Facts): void {
  if (!rule.holds(facts)) throw new InvariantBroken(rule.name, rule.kind, rule.reason(facts));
}
