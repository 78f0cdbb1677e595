// Settings from the environment, for apps. An empty variable counts as none.
import { InvalidArgument } from './errors.js';

type Environment = Readonly<Record<string, string | undefined>>;

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

/** A whole number from 0 to `max`. Errors: InvalidArgument that names the variable. */
export function wholeNumberSetting(environment: Environment, name: string, fallback: number, max: number): number {
  const text = environment[name] || String(fallback);
  if (/^\d{1,9}$/.test(text) && Number(text) <= max) return Number(text);
  throw new InvalidArgument(`${name}="${text}" is no whole number from 0 to ${max}: correct it or leave it out`);
}

/** LOG_LEVEL, `info` by default. Errors: InvalidArgument. */
export function logLevelSetting(environment: Environment): string {
  const level = environment['LOG_LEVEL'] || 'info';
  if (LOG_LEVELS.includes(level)) return level;
  throw new InvalidArgument(`LOG_LEVEL="${level}" is no log level: take one of ${LOG_LEVELS.join(', ')}`);
}
