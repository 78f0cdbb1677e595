// Each takes one of the store's guards away, to see that the torture test notices. On a scratch database only.

/** `npm run torture -- --break <name>`: the run has to end with violations. */
export const BREAKAGES: Readonly<Record<string, string>> = {
  /** The feed ignores the marks: it reads up to the last position drawn. */
  'ignore-marks': `create or replace function concord.feed_horizon() returns bigint language plpgsql volatile as $$
    begin return pg_sequence_last_value('concord.global_position'); end $$`,
  /** Appends are not marked. */
  'no-mark': `create or replace function concord.mark_append() returns void language sql volatile as $$ select $$`,
  /** Each append locks something else, which is as good as nothing. */
  'no-stream-lock': `create or replace function concord.stream_lock_key(tenant text, stream text) returns bigint
    language sql volatile as $$ select (x'4C4D'::bigint << 48) | (random() * 281474976710655)::bigint $$`,
};
