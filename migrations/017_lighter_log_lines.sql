-- A line costs the server less than half: no look at its session, and two large indexes are one.
--
-- Writers lock the session's row in the transaction that stores the lines, so that it is there and
-- stays; the trigger keeps what the foreign key kept at the other end.

alter table slate_runtime_logs drop constraint slate_runtime_logs_session_id_fkey;

create function slate_keep_session_of_lines() returns trigger
    language plpgsql as $$
begin
    if exists (select from slate_runtime_logs where session_id = old.id) then
        raise exception 'the session % has log lines', old.id using errcode = '23503';
    end if;
    return old;
end $$;

create trigger slate_runtime_sessions_keep before delete on slate_runtime_sessions
    for each row execute function slate_keep_session_of_lines();

-- By time first: new lines come at the index's end, and lines are found by their time along it.
alter table slate_runtime_logs drop constraint slate_runtime_logs_identity;
drop index slate_runtime_logs_session_time;
alter table slate_runtime_logs add constraint slate_runtime_logs_identity
    unique (session_id, ts_ns, ord, stream, container_id);
-- What the agent itself said in a log: a few among millions.
create index slate_runtime_logs_notes on slate_runtime_logs (session_id, container_id, ts_ns, ord)
    where stream = 'slate';

-- How far each stream of a runtime is stored, written with its lines: an agent goes on from there.
create table slate_log_positions (
    session_id text not null references slate_runtime_sessions (id),
    container_id text not null,
    stream text not null,
    ts_ns bigint not null,
    primary key (session_id, container_id, stream)
) with (fillfactor = 50);

insert into slate_log_positions (session_id, container_id, stream, ts_ns)
select l.session_id, l.container_id, l.stream, max(l.ts_ns)
from slate_runtime_logs l
join slate_runtime_sessions s on s.id = l.session_id
where l.stream <> 'api' and not (s.status in ('stopped', 'failed') and s.log_complete)
group by 1, 2, 3;

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant select on slate_log_positions to slate_user;
    end if;
    if exists (select 1 from pg_roles where rolname = 'slate_agent') then
        grant select, insert, update on slate_log_positions to slate_agent;
    end if;
end $$;
