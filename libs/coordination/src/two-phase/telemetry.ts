// What is measured of transactions. Names and units are declared in libs/telemetry.
import { isMetering, record, timed } from '@concord/telemetry';

/** Counts what an operator is to hear of. */
export const told = {
  contradicted(): void {
    if (isMetering()) record('concord.transaction.contradictions', 1, {});
  },
  forced(outcome: string): void {
    if (isMetering()) record('concord.transaction.forced', 1, { 'concord.transaction.outcome': outcome });
  },
  /** Times a transaction, all attempts. */
  lasting<T extends { readonly outcome: string }>(work: () => Promise<T>): Promise<T> {
    return timed(
      'concord.transaction.duration',
      (result) => ({ 'concord.transaction.outcome': result?.outcome ?? 'failed' }),
      work,
    );
  },
};
