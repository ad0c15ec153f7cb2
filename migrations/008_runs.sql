-- Every run of a session: when it began and ended, how, and the most that it used.

create table slate_runs (
    session_id text not null references slate_runtime_sessions (id),
    attempt integer not null check (attempt > 0),
    project_id text not null references slate_projects (id),
    runtime_type text not null,
    status text not null check (status in ('running', 'stopped', 'failed', 'lost')),
    exit_code integer,
    oom_killed boolean not null default false,
    error_code text,
    started_at timestamptz not null,
    stopped_at timestamptz,
    -- Bytes and cores that it might take; 0 for no limit that is known.
    memory_limit bigint not null default 0,
    cpu_limit double precision not null default 0,
    -- Bytes, and percent of one core: the highest mean of ten seconds.
    memory_peak bigint not null default 0,
    cpu_peak double precision not null default 0,
    primary key (session_id, attempt)
);
create index slate_runs_project on slate_runs (project_id, runtime_type, started_at desc);

create function slate_record_run() returns trigger language plpgsql as $$
begin
    if new.status = old.status and new.attempt = old.attempt then
        return null;
    end if;
    -- The run that ends: of this attempt, or of the one before where a restart begins the next.
    if old.status in ('starting', 'running', 'stopping', 'lost')
        and (new.status in ('stopped', 'failed', 'lost') or new.attempt <> old.attempt) then
        update slate_runs set
            status = case when new.attempt <> old.attempt then 'stopped' else new.status end,
            exit_code = case when new.attempt = old.attempt then new.exit_code end,
            oom_killed = new.attempt = old.attempt and new.oom_killed,
            error_code = case when new.attempt = old.attempt then new.error_code end,
            stopped_at = case when new.status = 'lost' then null
                else coalesce(new.stopped_at, now()) end
        where session_id = new.id and attempt = old.attempt;
    end if;
    if new.status = 'running' then
        insert into slate_runs (session_id, attempt, project_id, runtime_type, status, started_at)
        values (new.id, new.attempt, new.project_id, new.runtime_type, 'running',
            coalesce(new.started_at, now()))
        on conflict (session_id, attempt) do update set status = 'running', stopped_at = null;
    end if;
    return null;
end $$;
create trigger slate_runtime_sessions_runs after update on slate_runtime_sessions
    for each row execute function slate_record_run();

-- What is known of runs before.
insert into slate_runs (session_id, attempt, project_id, runtime_type, status, exit_code,
    oom_killed, error_code, started_at, stopped_at)
select id, attempt, project_id, runtime_type,
    case when status in ('stopped', 'failed', 'lost') then status else 'running' end,
    exit_code, oom_killed, error_code, started_at, stopped_at
from slate_runtime_sessions where started_at is not null and attempt > 0;
update slate_runs r set memory_peak = s.memory_peak, cpu_peak = s.cpu_peak, memory_limit = s.memory_limit
from (
    select session_id, max(memory_usage_max) as memory_peak, max(cpu_percent_max) as cpu_peak,
        max(memory_limit) as memory_limit
    from slate_runtime_stats group by session_id) s
where s.session_id = r.session_id;

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant select on slate_runs to slate_user;
    end if;
    if exists (select 1 from pg_roles where rolname = 'slate_agent') then
        grant select, insert, update on slate_runs to slate_agent;
    end if;
end $$;
