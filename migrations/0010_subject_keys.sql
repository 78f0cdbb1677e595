-- The keys of data subjects, wrapped by a master key that is not in the database. Deleting one makes everything unreadable
-- that was sealed under it. A row without a key is a tombstone: the subject was forgotten, and nothing is sealed for it until
-- a key of the next generation is added.
create table concord.subject_keys (
  tenant_id     text collate "C" not null,
  subject       text collate "C" not null,
  generation    integer          not null,
  wrapped_key   bytea,
  -- Which master key wrapped it.
  master_key_id text collate "C",
  created_at    timestamptz      not null default clock_timestamp(),
  forgotten_at  timestamptz,
  forgotten_by  text,
  reason        text,
  constraint subject_keys_pkey primary key (tenant_id, subject, generation),
  constraint subject_keys_gone_or_there check (
    (forgotten_at is null) = (wrapped_key is not null) and (forgotten_at is null) = (master_key_id is not null))
);

-- For wrapping anew: what is not wrapped by the present master key.
create index subject_keys_by_master_key on concord.subject_keys (master_key_id) where master_key_id is not null;

-- Deletes a subject's key and leaves a tombstone, also where there was no key, so that none is made. The insert waits for
-- whoever is making the first key at the same moment: that key was made before, and is deleted too.
create function concord.forget_subject(tenant text, whose text, by_whom text, why text) returns text
  language plpgsql volatile as $$
begin
  insert into concord.subject_keys (tenant_id, subject, generation, forgotten_at, forgotten_by, reason)
    values (tenant, whose, 1, clock_timestamp(), by_whom, why)
    on conflict on constraint subject_keys_pkey do nothing;
  if found then
    return 'unknown';
  end if;
  update concord.subject_keys k
    set wrapped_key = null, master_key_id = null, forgotten_at = clock_timestamp(), forgotten_by = by_whom, reason = why
    where k.tenant_id = tenant and k.subject = whose and k.forgotten_at is null;
  return case when found then 'forgotten' else 'forgotten-before' end;
end $$;
