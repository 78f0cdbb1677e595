-- What an operator forces from aside, with `concord transactions resolve`, is carried out and told as an alarm by a process that
-- has the participant: only there are its store, its projections, and somebody who reads the log.

alter table concord.forced_resolutions
  -- When the participant had come to an end; at once where it was the decision itself.
  add column applied_at timestamptz,
  -- What it had come to already, or its coordinator said, where that is another outcome than the one forced.
  add column overruled  text check (overruled in ('committed', 'aborted')),
  -- When a process has told of it.
  add column alarmed_at timestamptz;
update concord.forced_resolutions set applied_at = forced_at, alarmed_at = forced_at;

create index forced_resolutions_open_idx on concord.forced_resolutions (id) where applied_at is null or alarmed_at is null;
