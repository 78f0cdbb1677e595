-- Who has to wait here goes alone: others are in the same transaction.
select set_config('lock_timeout', '100ms', true)
