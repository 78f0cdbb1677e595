// The one error of the embedded PostgreSQL. Its message always ends with what to do next.

/** The embedded PostgreSQL cannot be started or reached; the message says what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}
