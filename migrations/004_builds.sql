-- Builds as leased jobs: who works on them, what they made, what they said, what they are worth.

alter table slate_build_jobs
    add column engine text check (engine is null or engine in
        ('unity', 'unreal', 'godot', 'custom')),
    add column engine_version text,
    add column driver text check (driver is null or driver in ('docker', 'process', 'scripted')),
    add column priority smallint not null default 0 check (priority between -100 and 100),
    -- What a worker must offer: {"systems": [...], "capability": ..., "driver": ..., "memory": ...}.
    add column needs jsonb not null default '{}' check (jsonb_typeof(needs) = 'object'),
    add column licence text check (licence is null or licence ~ '^[a-z][a-z0-9_-]{0,31}$'),
    add column licence_seat integer check (licence_seat is null or licence_seat > 0),
    add column envelope jsonb check (envelope is null or jsonb_typeof(envelope) = 'object'),
    add column attempt integer not null default 0 check (attempt >= 0),
    add column lease_owner text,
    add column lease_until timestamptz,
    add column cancel_requested boolean not null default false,
    add column published_at timestamptz,
    add column publish_count integer not null default 0,
    add column verdict text check (verdict is null or verdict in ('passed', 'failed', 'suspect')),
    add column witness text not null default '',
    add column verdict_reason text,
    add column errors jsonb not null default '[]' check (jsonb_typeof(errors) = 'array'),
    add column warnings jsonb not null default '[]' check (jsonb_typeof(warnings) = 'array'),
    add column error_count integer not null default 0 check (error_count >= 0),
    add column warning_count integer not null default 0 check (warning_count >= 0),
    -- What was built: {"sha256", "files", "commit", "dirty"}.
    add column source jsonb not null default '{}' check (jsonb_typeof(source) = 'object'),
    add column commands jsonb not null default '[]' check (jsonb_typeof(commands) = 'array'),
    add column notes jsonb not null default '[]' check (jsonb_typeof(notes) = 'array');

create index slate_build_jobs_waiting on slate_build_jobs
    (target_platform, priority desc, created_at, id) where status = 'queued' and deleted_at is null;
create index slate_build_jobs_leases on slate_build_jobs (target_platform, lease_until)
    where status = 'building';
create index slate_build_jobs_owner on slate_build_jobs (lease_owner) where status = 'building';
create index slate_build_jobs_history on slate_build_jobs
    (project_id, target_platform, build_type, completed_at desc)
    where status = 'completed' and deleted_at is null;
-- A seat of a licence is held by one build at a time, also by one whose worker died.
create unique index slate_build_jobs_seats on slate_build_jobs (licence, licence_seat)
    where status = 'building' and licence_seat is not null;

create or replace function slate_build_guard() returns trigger language plpgsql as $$
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
    if new.id <> old.id or new.project_id <> old.project_id or new.user_id <> old.user_id then
        raise exception 'a build keeps its project and its user'
            using errcode = 'check_violation', constraint = 'slate_build_identity';
    end if;
    -- What was signed stays as it was signed.
    if old.envelope is not null and (new.envelope is distinct from old.envelope
            or new.options <> old.options or new.build_type <> old.build_type
            or new.target_platform <> old.target_platform
            or new.source_commit is distinct from old.source_commit) then
        raise exception 'a build keeps what was asked for'
            using errcode = 'check_violation', constraint = 'slate_build_identity';
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

create table slate_build_artifacts (
    build_id text not null references slate_build_jobs (id),
    attempt integer not null,
    path text not null check (length(path) between 1 and 4096),
    name text not null,
    size bigint not null check (size >= 0),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    object text not null,
    is_executable boolean not null default false,
    is_main boolean not null default false,
    created_at timestamptz not null default now(),
    primary key (build_id, attempt, path)
);
create index slate_build_artifacts_object on slate_build_artifacts (object);

create table slate_build_logs (
    build_id text not null references slate_build_jobs (id),
    attempt integer not null,
    seq bigint not null check (seq > 0),
    step text not null,
    stream text not null,
    ts_ns bigint not null,
    level text not null check (level in ('debug', 'info', 'warn', 'error')),
    message text not null,
    primary key (build_id, attempt, seq)
);

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant select on slate_build_artifacts, slate_build_logs to slate_user;
        grant insert (engine, engine_version, priority, needs, licence, envelope)
            on slate_build_jobs to slate_user;
        -- A build that was made by hand can be handed to the workers later, and moved in the queue.
        grant update (engine, engine_version, priority, needs, licence, envelope, options)
            on slate_build_jobs to slate_user;
    end if;
    if exists (select 1 from pg_roles where rolname = 'slate_agent') then
        grant select, insert on slate_build_artifacts, slate_build_logs to slate_agent;
    end if;
end $$;
