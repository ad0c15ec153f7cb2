-- Runtime sessions, their logs and figures, and build jobs.

-- The legal moves of a session, equal to LEGAL_MOVES in slate_desktop/domain/session.py.
create function slate_session_move_is_legal(old_status text, new_status text) returns boolean
    language sql immutable as $$
    select old_status = new_status or (old_status, new_status) in (
        ('creating', 'starting'), ('creating', 'stopped'), ('creating', 'failed'),
        ('starting', 'running'), ('starting', 'stopping'), ('starting', 'stopped'),
        ('starting', 'failed'), ('starting', 'lost'),
        ('running', 'stopping'), ('running', 'stopped'), ('running', 'failed'), ('running', 'lost'),
        ('stopping', 'stopped'), ('stopping', 'starting'), ('stopping', 'failed'),
        ('stopping', 'lost'),
        ('stopped', 'starting'), ('failed', 'starting'),
        ('lost', 'starting'), ('lost', 'running'), ('lost', 'stopping'), ('lost', 'stopped'),
        ('lost', 'failed'))
$$;

create table slate_runtime_sessions (
    id text primary key check (id ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
    project_id text not null references slate_projects (id),
    user_id text not null references slate_users (id),
    runtime_type text not null check (runtime_type in ('unity', 'unreal', 'godot', 'custom')),
    status text not null default 'creating' check (status in
        ('creating', 'starting', 'running', 'stopping', 'stopped', 'failed', 'lost')),
    container_config jsonb not null default '{}' check (jsonb_typeof(container_config) = 'object'),
    driver text check (driver is null or driver in ('docker', 'process', 'scripted')),
    desired text not null default 'stopped' check (desired in ('running', 'stopped')),
    version bigint not null default 1,
    attempt integer not null default 0 check (attempt >= 0),
    agent_id text references slate_agents (id),
    agent_epoch bigint,
    container_id text,
    container_name text,
    image_digest text,
    exit_code integer,
    oom_killed boolean not null default false,
    error_code text,
    error_message text,
    log_complete boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    started_at timestamptz,
    stopped_at timestamptz,
    deleted_at timestamptz
);
create index slate_runtime_sessions_project on slate_runtime_sessions
    (project_id, created_at desc, id desc) where deleted_at is null;
create index slate_runtime_sessions_recent on slate_runtime_sessions (created_at desc, id desc)
    where deleted_at is null;
create index slate_runtime_sessions_live on slate_runtime_sessions (status, created_at)
    where deleted_at is null and status in ('creating', 'starting', 'running', 'stopping', 'lost');
create index slate_runtime_sessions_agent on slate_runtime_sessions (agent_id, status);

-- Tell caches; a hint only, the row is the truth.
create function slate_notify_change() returns trigger language plpgsql as $$
begin
    perform pg_notify('slate_changes', tg_argv[0] || ':' || new.project_id || ':' || new.id);
    return null;
end $$;

create function slate_session_guard() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        if new.status <> 'creating' then
            raise exception 'a session begins in creating, not %', new.status
                using errcode = 'check_violation', constraint = 'slate_session_moves';
        end if;
        return new;
    end if;
    if not slate_session_move_is_legal(old.status, new.status) then
        raise exception 'a session cannot go from % to %', old.status, new.status
            using errcode = 'check_violation', constraint = 'slate_session_moves';
    end if;
    if new.project_id <> old.project_id or new.user_id <> old.user_id or new.id <> old.id then
        raise exception 'a session keeps its project and its user'
            using errcode = 'check_violation', constraint = 'slate_session_identity';
    end if;
    -- A live session can be neither deleted nor reconfigured under the runtime's feet.
    if new.deleted_at is not null and old.deleted_at is null
        and old.status in ('starting', 'running', 'stopping', 'lost') then
        raise exception 'a session that is % cannot be deleted', old.status
            using errcode = 'check_violation', constraint = 'slate_session_delete';
    end if;
    if new.container_config is distinct from old.container_config
        and new.status = old.status and old.status in ('starting', 'running', 'stopping', 'lost') then
        raise exception 'a session that is % cannot be reconfigured', old.status
            using errcode = 'check_violation', constraint = 'slate_session_configure';
    end if;
    if new.status <> old.status then
        if new.status = 'starting' then
            new.started_at := null;
            new.stopped_at := null;
        elsif new.status = 'running' then
            new.started_at := coalesce(new.started_at, now());
        elsif new.status in ('stopped', 'failed') then
            new.stopped_at := coalesce(new.stopped_at, now());
        end if;
    end if;
    new.version := old.version + 1;
    new.updated_at := now();
    return new;
end $$;
create trigger slate_runtime_sessions_guard before insert or update on slate_runtime_sessions
    for each row execute function slate_session_guard();
create trigger slate_runtime_sessions_notify after insert or update on slate_runtime_sessions
    for each row execute function slate_notify_change('session');

create table slate_runtime_logs (
    session_id text not null references slate_runtime_sessions (id),
    seq bigint not null check (seq > 0),
    container_id text not null,
    stream text not null,
    ts_ns bigint not null,
    ord integer not null default 0,
    "timestamp" timestamptz not null
        generated always as (to_timestamp(ts_ns / 1e9::double precision)) stored,
    level text not null check (level in ('debug', 'info', 'warn', 'error')),
    message text not null,
    partial boolean not null default false,
    metadata jsonb check (metadata is null or jsonb_typeof(metadata) = 'object'),
    deleted_at timestamptz,
    primary key (session_id, seq),
    constraint slate_runtime_logs_identity unique (session_id, container_id, stream, ts_ns, ord)
);
create index slate_runtime_logs_session_time on slate_runtime_logs (session_id, ts_ns);
-- Lines come in the order of time: a block-range index costs next to nothing.
create index slate_runtime_logs_time on slate_runtime_logs using brin ("timestamp");
create index slate_runtime_logs_level on slate_runtime_logs (session_id, level, seq)
    where level in ('warn', 'error');

-- Figures of 10 s each: mean, and peak where a peak matters. Network counters are totals at the end.
create table slate_runtime_stats (
    session_id text not null references slate_runtime_sessions (id),
    bucket timestamptz not null,
    samples integer not null check (samples > 0),
    cpu_percent double precision not null,
    cpu_percent_max double precision not null,
    memory_usage bigint not null,
    memory_usage_max bigint not null,
    memory_limit bigint not null,
    network_rx_bytes bigint not null,
    network_tx_bytes bigint not null,
    deleted_at timestamptz,
    primary key (session_id, bucket)
);

create function slate_build_move_is_legal(old_status text, new_status text) returns boolean
    language sql immutable as $$
    select old_status = new_status or (old_status, new_status) in (
        ('queued', 'building'), ('queued', 'failed'), ('queued', 'cancelled'),
        ('building', 'completed'), ('building', 'failed'), ('building', 'cancelled'))
$$;

create table slate_build_jobs (
    id text primary key check (id ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
    project_id text not null references slate_projects (id),
    user_id text not null references slate_users (id),
    build_type text not null check (build_type in ('development', 'staging', 'production')),
    target_platform text not null check (target_platform in ('windows', 'macos', 'linux', 'android',
        'ios', 'webgl', 'ps5', 'xbox-series-x', 'switch')),
    status text not null default 'queued' check (status in
        ('queued', 'building', 'completed', 'failed', 'cancelled')),
    progress smallint not null default 0 check (progress between 0 and 100),
    progress_message text,
    source_commit text check (source_commit is null or source_commit ~ '^[0-9a-fA-F]{7,40}$'),
    options jsonb not null default '{}' check (jsonb_typeof(options) = 'object'),
    output_path text,
    artifacts jsonb not null default '[]' check (jsonb_typeof(artifacts) = 'array'),
    error_code text,
    error_message text,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    started_at timestamptz,
    completed_at timestamptz,
    deleted_at timestamptz
);
create index slate_build_jobs_project on slate_build_jobs (project_id, created_at desc, id desc)
    where deleted_at is null;
create index slate_build_jobs_recent on slate_build_jobs (created_at desc, id desc)
    where deleted_at is null;
create index slate_build_jobs_active on slate_build_jobs (status, created_at)
    where deleted_at is null and status in ('queued', 'building');

create function slate_build_guard() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        if new.status <> 'queued' then
            raise exception 'a build begins in queued, not %', new.status
                using errcode = 'check_violation', constraint = 'slate_build_moves';
        end if;
        return new;
    end if;
    if not slate_build_move_is_legal(old.status, new.status) then
        raise exception 'a build cannot go from % to %', old.status, new.status
            using errcode = 'check_violation', constraint = 'slate_build_moves';
    end if;
    if new.deleted_at is not null and old.deleted_at is null
        and new.status in ('queued', 'building') then
        raise exception 'a build that is % cannot be deleted', new.status
            using errcode = 'check_violation', constraint = 'slate_build_moves';
    end if;
    -- Engines restart their own counts: what the user saw never goes back.
    new.progress := greatest(new.progress, old.progress);
    if new.status = 'building' and old.status = 'queued' then
        new.started_at := coalesce(new.started_at, now());
    end if;
    if new.status in ('completed', 'failed', 'cancelled') and old.status <> new.status then
        new.completed_at := coalesce(new.completed_at, now());
        if new.status = 'completed' then
            new.progress := 100;
        end if;
    end if;
    new.version := old.version + 1;
    new.updated_at := now();
    return new;
end $$;
create trigger slate_build_jobs_guard before insert or update on slate_build_jobs
    for each row execute function slate_build_guard();
create trigger slate_build_jobs_notify after insert or update on slate_build_jobs
    for each row execute function slate_notify_change('build');

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant select on slate_runtime_sessions, slate_runtime_logs, slate_runtime_stats,
            slate_build_jobs to slate_user;
        grant insert (id, project_id, user_id, runtime_type, container_config, driver)
            on slate_runtime_sessions to slate_user;
        grant update (container_config, driver, deleted_at) on slate_runtime_sessions to slate_user;
        grant insert (id, project_id, user_id, build_type, target_platform, source_commit, options)
            on slate_build_jobs to slate_user;
        -- Scripts run builds of their own through the Python API; the trigger keeps them legal.
        grant update (status, progress, progress_message, output_path, artifacts, error_code,
            error_message, deleted_at) on slate_build_jobs to slate_user;
        grant insert (session_id, seq, container_id, stream, ts_ns, ord, level, message, metadata)
            on slate_runtime_logs to slate_user;
    end if;
    if exists (select 1 from pg_roles where rolname = 'slate_agent') then
        grant select, insert, update on slate_runtime_sessions, slate_build_jobs to slate_agent;
        grant select, insert on slate_runtime_logs to slate_agent;
        grant select, insert, update on slate_runtime_stats to slate_agent;
    end if;
end $$;
