// What is measured of sagas: chains of steps, each begun when the one before it is recorded.

/** Chains are run so many at a time. */
export const AT_A_TIME = 32;
export const STEPS = 10;

/** Runs chains of STEPS steps, AT_A_TIME of them at a time, and resolves when all have ended. */
export interface SagaContender {
  open(url: string): Promise<void>;
  run(chains: readonly string[]): Promise<void>;
  /** How many steps have had their effect, where they have one. */
  effects(): Promise<number | undefined>;
  close(): Promise<void>;
}

export const CONTENDERS = ['concord', 'dbos, empty steps', 'dbos, steps that insert'] as const;
