// Time as a dependency: whoever makes a command asks the clock, decisions never do.

/** A source of the present time. */
export interface Clock {
  now(): Date;
}

/** The machine's clock. */
export const systemClock: Clock = { now: () => new Date() };
