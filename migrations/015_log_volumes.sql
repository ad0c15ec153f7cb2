-- How much of each run's log was stored: its limit holds whichever agent process carries the log.

create table slate_log_volumes (
    session_id text not null references slate_runtime_sessions (id),
    attempt integer not null check (attempt >= 0),
    -- Bytes of the runtime's own lines; those that were dropped with age count on.
    bytes bigint not null default 0 check (bytes >= 0),
    primary key (session_id, attempt)
) with (fillfactor = 50);

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant select on slate_log_volumes to slate_user;
    end if;
    if exists (select 1 from pg_roles where rolname = 'slate_agent') then
        grant select, insert, update on slate_log_volumes to slate_agent;
    end if;
end $$;
