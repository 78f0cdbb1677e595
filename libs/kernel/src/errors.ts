// The base of every error that Concord raises on purpose. Callers branch on `code`, never on the text.

/** An expected failure: `code` is stable and kebab-case, `details` are safe to show to the caller. */
export abstract class ConcordError extends Error {
  abstract readonly code: string;

  constructor(
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The caller passed something that can never be right; nothing was changed. */
export class InvalidArgument extends ConcordError {
  readonly code = 'invalid-argument';
}
