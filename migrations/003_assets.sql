-- Assets, the jobs that process them, and the results that nobody has to compute twice.

-- The legal moves of a job, equal to LEGAL_JOB_MOVES in slate_desktop/domain/assets/kinds.py.
create function slate_asset_move_is_legal(old_status text, new_status text) returns boolean
    language sql immutable as $$
    select old_status = new_status or (old_status, new_status) in (
        ('queued', 'processing'), ('queued', 'failed'), ('queued', 'cancelled'),
        ('processing', 'completed'), ('processing', 'failed'), ('processing', 'cancelled'))
$$;

-- What a key gave: equal content, options and tools have an equal result, or fail alike.
create table slate_asset_results (
    key text primary key check (key ~ '^[0-9a-f]{64}$'),
    kind text not null check (kind in ('texture', 'model', 'audio')),
    status text not null check (status in ('completed', 'failed')),
    result jsonb check (result is null or jsonb_typeof(result) = 'object'),
    error_code text,
    error_message text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    check ((status = 'completed') = (result is not null))
);
create trigger slate_asset_results_touch before update on slate_asset_results
    for each row execute function slate_touch();

create table slate_asset_jobs (
    id text primary key check (id ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
    project_id text not null references slate_projects (id),
    user_id text not null references slate_users (id),
    batch_id text check (batch_id is null or batch_id ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
    kind text not null check (kind in ('texture', 'model', 'audio')),
    -- The asset's name in its project, relative to the root with forward slashes, or a file's name.
    path text not null check (length(path) between 1 and 4096),
    inputs jsonb not null check (jsonb_typeof(inputs) = 'array'),
    options jsonb not null default '{}' check (jsonb_typeof(options) = 'object'),
    key text not null check (key ~ '^[0-9a-f]{64}$'),
    -- The key that a worker found with what it really had; results are stored under no other.
    worker_key text check (worker_key is null or worker_key ~ '^[0-9a-f]{64}$'),
    out_dir text check (out_dir is null or length(out_dir) between 1 and 4096),
    priority smallint not null default 0 check (priority between -100 and 100),
    time_limit_s integer not null default 300 check (time_limit_s between 1 and 7200),
    forced boolean not null default false,
    envelope jsonb check (envelope is null or jsonb_typeof(envelope) = 'object'),
    status text not null default 'queued' check (status in
        ('queued', 'processing', 'completed', 'failed', 'cancelled')),
    cached boolean not null default false,
    progress smallint not null default 0 check (progress between 0 and 100),
    progress_message text,
    attempt integer not null default 0 check (attempt >= 0),
    lease_owner text,
    lease_until timestamptz,
    cancel_requested boolean not null default false,
    published_at timestamptz,
    publish_count integer not null default 0,
    result jsonb check (result is null or jsonb_typeof(result) = 'object'),
    delivered_at timestamptz,
    error_code text,
    error_message text,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    started_at timestamptz,
    completed_at timestamptz,
    deleted_at timestamptz
);
create index slate_asset_jobs_project on slate_asset_jobs (project_id, created_at desc, id desc)
    where deleted_at is null;
create index slate_asset_jobs_batch on slate_asset_jobs (batch_id) where batch_id is not null;
create index slate_asset_jobs_waiting on slate_asset_jobs (kind, priority desc, created_at, id)
    where status = 'queued' and deleted_at is null;
create index slate_asset_jobs_running on slate_asset_jobs (kind, lease_until)
    where status = 'processing';
create index slate_asset_jobs_owner on slate_asset_jobs (lease_owner) where status = 'processing';
create index slate_asset_jobs_undelivered on slate_asset_jobs (completed_at)
    where status = 'completed' and out_dir is not null and delivered_at is null;
-- Two jobs with one key never run at once: the second finds the first one's result.
create unique index slate_asset_jobs_one_per_key on slate_asset_jobs (key)
    where status = 'processing';

-- An asset as it was last processed.
create table slate_assets (
    project_id text not null references slate_projects (id),
    path text not null check (length(path) between 1 and 4096),
    kind text not null check (kind in ('texture', 'model', 'audio')),
    content_sha256 text not null,
    size bigint not null check (size >= 0),
    key text not null,
    job_id text not null references slate_asset_jobs (id),
    status text not null check (status in ('completed', 'failed')),
    metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
    error_code text,
    error_message text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (project_id, path)
);
create trigger slate_assets_touch before update on slate_assets
    for each row execute function slate_touch();

-- What a job's attempt made, as objects of the object store.
create table slate_asset_products (
    job_id text not null references slate_asset_jobs (id),
    attempt integer not null,
    role text not null,
    name text not null,
    format text not null,
    size bigint not null check (size >= 0),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    object text not null,
    created_at timestamptz not null default now(),
    primary key (job_id, attempt, name)
);
create index slate_asset_products_object on slate_asset_products (object);

create table slate_asset_presets (
    project_id text not null references slate_projects (id),
    id text not null check (id ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
    preset jsonb not null check (jsonb_typeof(preset) = 'object'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (project_id, id)
);
create trigger slate_asset_presets_touch before update on slate_asset_presets
    for each row execute function slate_touch();

-- A row: no job of this type of the project is begun.
create table slate_asset_pauses (
    project_id text not null references slate_projects (id),
    kind text not null check (kind in ('texture', 'model', 'audio')),
    user_id text not null references slate_users (id),
    created_at timestamptz not null default now(),
    primary key (project_id, kind)
);

create function slate_asset_job_guard() returns trigger language plpgsql as $$
declare known slate_asset_results%rowtype;
begin
    if tg_op = 'INSERT' then
        if new.status <> 'queued' then
            raise exception 'a job begins in queued, not %', new.status
                using errcode = 'check_violation', constraint = 'slate_asset_moves';
        end if;
        if not new.forced then
            select * into known from slate_asset_results r where r.key = new.key;
            if found then
                new.status := known.status;
                new.cached := true;
                new.result := known.result;
                new.error_code := known.error_code;
                new.error_message := known.error_message;
                new.progress := case when known.status = 'completed' then 100 else 0 end;
                new.started_at := now();
                new.completed_at := now();
            end if;
        end if;
        return new;
    end if;
    if not slate_asset_move_is_legal(old.status, new.status) then
        raise exception 'a job cannot go from % to %', old.status, new.status
            using errcode = 'check_violation', constraint = 'slate_asset_moves';
    end if;
    if new.deleted_at is not null and old.deleted_at is null
        and new.status in ('queued', 'processing') then
        raise exception 'a job that is % cannot be deleted', new.status
            using errcode = 'check_violation', constraint = 'slate_asset_moves';
    end if;
    if new.id <> old.id or new.project_id <> old.project_id or new.user_id <> old.user_id
        or new.options <> old.options or new.inputs <> old.inputs
        or new.envelope is distinct from old.envelope then
        raise exception 'a job keeps what was asked for'
            using errcode = 'check_violation', constraint = 'slate_asset_identity';
    end if;
    if new.attempt = old.attempt then
        new.progress := greatest(new.progress, old.progress);
    end if;
    if new.status = 'processing' and old.status = 'queued' then
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
create trigger slate_asset_jobs_guard before insert or update on slate_asset_jobs
    for each row execute function slate_asset_job_guard();
create trigger slate_asset_jobs_notify after insert or update on slate_asset_jobs
    for each row execute function slate_notify_change('asset');

-- The asset's metadata follows its job in the same transaction, whoever ends the job.
create function slate_asset_follow_job() returns trigger language plpgsql
    security definer set search_path = pg_catalog, public as $$
begin
    if new.status not in ('completed', 'failed')
        or (tg_op = 'UPDATE' and old.status = new.status) then
        return null;
    end if;
    insert into public.slate_assets (project_id, path, kind, content_sha256, size, key, job_id,
            status, metadata, error_code, error_message)
        values (new.project_id, new.path, new.kind,
            coalesce(new.inputs -> 0 ->> 'sha256', ''),
            coalesce((new.inputs -> 0 ->> 'size')::bigint, 0),
            new.key, new.id, new.status, coalesce(new.result, '{}'), new.error_code,
            new.error_message)
        on conflict (project_id, path) do update set
            kind = excluded.kind, content_sha256 = excluded.content_sha256, size = excluded.size,
            key = excluded.key, job_id = excluded.job_id, status = excluded.status,
            metadata = excluded.metadata, error_code = excluded.error_code,
            error_message = excluded.error_message, deleted_at = null;
    return null;
end $$;
create trigger slate_asset_jobs_follow after insert or update on slate_asset_jobs
    for each row execute function slate_asset_follow_job();

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant select on slate_asset_results, slate_asset_jobs, slate_assets, slate_asset_products,
            slate_asset_presets, slate_asset_pauses to slate_user;
        grant insert (id, project_id, user_id, batch_id, kind, path, inputs, options, key, out_dir,
            priority, time_limit_s, forced, envelope) on slate_asset_jobs to slate_user;
        grant update (deleted_at) on slate_asset_jobs to slate_user;
        grant insert (project_id, id, preset), update (preset, deleted_at)
            on slate_asset_presets to slate_user;
        grant insert, delete on slate_asset_pauses to slate_user;
    end if;
    if exists (select 1 from pg_roles where rolname = 'slate_agent') then
        grant select, insert, update on slate_asset_results, slate_asset_jobs to slate_agent;
        grant select, insert on slate_asset_products to slate_agent;
        grant select on slate_assets, slate_asset_presets, slate_asset_pauses to slate_agent;
    end if;
end $$;
