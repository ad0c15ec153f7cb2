-- How much a project, or a person in all projects, may take at once. Owners limit their projects,
-- administrators limit projects and people; the least of what is set holds.

create table slate_quotas (
    scope text not null check (scope in ('project', 'person')),
    subject_id text not null,
    level text not null check (level in ('administrator', 'owner')),
    -- Sessions at once; bytes and cores of containers in sum; builds at once; bytes that are kept.
    sessions integer check (sessions >= 0),
    memory_bytes bigint check (memory_bytes >= 0),
    cpus double precision check (cpus >= 0 and cpus < 'infinity'),
    builds integer check (builds >= 0),
    disk_bytes bigint check (disk_bytes >= 0),
    set_by text not null default '',
    updated_at timestamptz not null default now(),
    primary key (scope, subject_id, level),
    check (level = 'administrator' or scope = 'project')
);

-- What a session's container may take while it lives; the claim writes it. Null for a local process.
alter table slate_runtime_sessions
    add column held_memory bigint check (held_memory >= 0),
    add column held_cpus double precision check (held_cpus >= 0);

create function slate_quota_guard() returns trigger language plpgsql
    security definer set search_path = pg_catalog, public as $$
declare
    is_one_of_many boolean := public.slate_is_person() and session_user like 'slate\_p\_%';
begin
    if is_one_of_many and not exists (
            select from public.slate_users u where u.id = public.slate_actor() and u.is_admin)
        and not (new.level = 'owner' and exists (
            select from public.slate_project_members m
            where m.project_id = new.subject_id and m.user_id = public.slate_actor()
                and m.role = 'owner' and m.deleted_at is null)) then
        raise exception 'an owner limits a project, an administrator everything'
            using errcode = 'insufficient_privilege';
    end if;
    if new.scope = 'project'
            and not exists (select from public.slate_projects where id = new.subject_id)
        or new.scope = 'person'
            and not exists (select from public.slate_users where id = new.subject_id) then
        raise exception 'there is nothing of that id to limit'
            using errcode = 'foreign_key_violation';
    end if;
    new.set_by := coalesce(
        (select name from public.slate_users where id = public.slate_actor()), 'administrator');
    new.updated_at := now();
    return new;
end $$;
create trigger slate_quotas_guard before insert or update on slate_quotas
    for each row execute function slate_quota_guard();

create function slate_quota_noted() returns trigger language plpgsql
    security definer set search_path = pg_catalog, public as $$
begin
    perform public.slate_note(case when new.scope = 'project' then new.subject_id end,
        'quota.set', new.subject_id, (
            select string_agg(key || ' ' || value, ', ' order by key)
            from jsonb_each_text(jsonb_strip_nulls(to_jsonb(new)))
            where key in ('level', 'sessions', 'memory_bytes', 'cpus', 'builds', 'disk_bytes')));
    return null;
end $$;
create trigger slate_quotas_noted after insert or update on slate_quotas
    for each row execute function slate_quota_noted();

-- What a project, or a person, takes now. Volatile on purpose: it sees what was committed while the
-- caller waited for the quota's row.
create function slate_quota_use(scope text, subject text, out sessions bigint,
        out memory_bytes bigint, out cpus double precision, out builds bigint)
    language plpgsql security definer set search_path = pg_catalog, public as $$
begin
    select count(*), coalesce(sum(s.held_memory), 0), coalesce(sum(s.held_cpus), 0)
        into sessions, memory_bytes, cpus
        from public.slate_runtime_sessions s
        where s.status in ('starting', 'running', 'stopping')
            and case scope when 'project' then s.project_id = subject else s.user_id = subject end;
    select count(*), memory_bytes + coalesce(sum((b.needs ->> 'memory_bytes')::bigint), 0)
        into builds, memory_bytes
        from public.slate_build_jobs b
        where b.status = 'building'
            and case scope when 'project' then b.project_id = subject else b.user_id = subject end;
end $$;

-- What is kept of a project's files, of what its assets became and of what was built; of a person,
-- for the projects that they added. The same file counts once.
create function slate_quota_disk(scope text, subject text) returns bigint
    language plpgsql security definer set search_path = pg_catalog, public as $$
begin
    return (
        with mine as (
            select p.id from public.slate_projects p
            where p.deleted_at is null
                and case scope when 'project' then p.id = subject else p.owner_id = subject end),
        made as (
            select a.sha256, a.size from public.slate_asset_products a
                join public.slate_asset_jobs j on j.id = a.job_id
                where j.project_id in (select id from mine) and j.deleted_at is null
            union
            select a.sha256, a.size from public.slate_build_artifacts a
                join public.slate_build_jobs b on b.id = a.build_id
                where b.project_id in (select id from mine) and b.deleted_at is null)
        select coalesce((select sum(t.size_bytes) from public.slate_project_trees t
                where t.project_id in (select id from mine) and t.deleted_at is null), 0)
            + coalesce((select sum(size) from made), 0));
end $$;
revoke execute on function slate_quota_use(text, text), slate_quota_disk(text, text) from public;

-- Whether something more would be too much: the first quota that it breaks, as an object; or null.
create function slate_quota_broken(project text, person text, more jsonb, is_locking boolean)
    returns jsonb language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    quota record;
    used record;
    wanted record;
    found text;
begin
    -- In one order and locked: who claims at the same time waits here, and then counts this claim.
    if is_locking then
        perform from public.slate_quotas q
            where (q.scope = 'project' and q.subject_id = project)
                or (q.scope = 'person' and q.subject_id = person)
            order by q.scope, q.subject_id, q.level for update;
    end if;
    for quota in select q.* from public.slate_quotas q
        where (q.scope = 'project' and q.subject_id = project)
            or (q.scope = 'person' and q.subject_id = person)
        order by q.scope, q.subject_id, q.level
    loop
        used := public.slate_quota_use(quota.scope, quota.subject_id);
        for wanted in
            select name, most, taken, asked from (values
                ('sessions', quota.sessions::double precision, used.sessions::double precision,
                    (more ->> 'sessions')::double precision),
                ('memory_bytes', quota.memory_bytes, used.memory_bytes,
                    (more ->> 'memory_bytes')::double precision),
                ('cpus', quota.cpus, used.cpus, (more ->> 'cpus')::double precision),
                ('builds', quota.builds, used.builds, (more ->> 'builds')::double precision),
                ('disk_bytes', quota.disk_bytes,
                    case when quota.disk_bytes is not null and more ? 'disk_bytes'
                        then public.slate_quota_disk(quota.scope, quota.subject_id) end,
                    (more ->> 'disk_bytes')::double precision)
            ) as one (name, most, taken, asked)
            where most is not null and asked > 0
        loop
            -- Sums of cores are not exact.
            if wanted.taken + wanted.asked > wanted.most + 1e-6 then
                if quota.scope = 'project' then
                    select p.name into found from public.slate_projects p
                        where p.id = quota.subject_id;
                else
                    select u.name into found from public.slate_users u where u.id = quota.subject_id;
                end if;
                return jsonb_build_object('scope', quota.scope, 'name', found,
                    'level', quota.level, 'quota', wanted.name, 'limit', wanted.most,
                    'used', wanted.taken, 'asked', wanted.asked);
            end if;
        end loop;
    end loop;
    return null;
end $$;
revoke execute on function slate_quota_broken(text, text, jsonb, boolean) from public;

create function slate_quota_enforce(project text, person text, more jsonb) returns void
    language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    broken jsonb := public.slate_quota_broken(project, person, more, true);
begin
    if broken is not null then
        raise exception 'a quota of % is used up: %', broken ->> 'quota', broken ->> 'name'
            using errcode = 'check_violation', constraint = 'slate_quota', detail = broken::text;
    end if;
end $$;
revoke execute on function slate_quota_enforce(text, text, jsonb) from public;

-- A session that begins to live, or that is given more while it lives. A restart goes on with what
-- the session had.
create function slate_session_quota() returns trigger language plpgsql
    security definer set search_path = pg_catalog, public as $$
declare
    is_new boolean := old.status not in ('starting', 'running', 'stopping');
begin
    if new.status not in ('starting', 'running', 'stopping') or old.status = 'lost' and
            new.status <> 'starting' then
        return new;
    end if;
    perform public.slate_quota_enforce(new.project_id, new.user_id, jsonb_build_object(
        'sessions', case when is_new then 1 else 0 end,
        'memory_bytes', coalesce(new.held_memory, 0)
            - case when is_new then 0 else coalesce(old.held_memory, 0) end,
        'cpus', coalesce(new.held_cpus, 0)
            - case when is_new then 0 else coalesce(old.held_cpus, 0) end));
    return new;
end $$;
create trigger slate_runtime_sessions_quota before update on slate_runtime_sessions
    for each row when (old.status is distinct from new.status and new.status = 'starting'
        or old.held_memory is distinct from new.held_memory
        or old.held_cpus is distinct from new.held_cpus)
    execute function slate_session_quota();

create function slate_build_quota() returns trigger language plpgsql
    security definer set search_path = pg_catalog, public as $$
begin
    perform public.slate_quota_enforce(new.project_id, new.user_id, jsonb_build_object('builds', 1,
        'memory_bytes', coalesce((new.needs ->> 'memory_bytes')::bigint, 0)));
    return new;
end $$;
create trigger slate_build_jobs_quota before update on slate_build_jobs
    for each row when (old.status = 'queued' and new.status = 'building')
    execute function slate_build_quota();

-- Which quota keeps a queued build waiting; null for none. For the queue, and for who asks.
create function slate_build_waits_for(build text) returns jsonb
    language sql stable security definer set search_path = pg_catalog, public as $$
    select public.slate_quota_broken(b.project_id, b.user_id, jsonb_build_object('builds', 1,
        'memory_bytes', coalesce((b.needs ->> 'memory_bytes')::bigint, 0)), false)
    from public.slate_build_jobs b
    where b.id = build and b.status = 'queued' and exists (select from public.slate_quotas)
        and (not public.slate_is_person() or session_user not like 'slate\_p\_%'
            or exists (select from public.slate_project_members m
                where m.project_id = b.project_id and m.user_id = public.slate_actor()
                    and m.deleted_at is null))
$$;
revoke execute on function slate_build_waits_for(text) from public;

-- Files that people bring themselves.
create function slate_tree_quota() returns trigger language plpgsql
    security definer set search_path = pg_catalog, public as $$
begin
    perform public.slate_quota_enforce(new.project_id,
        (select owner_id from public.slate_projects where id = new.project_id),
        jsonb_build_object('disk_bytes',
            new.size_bytes - case when tg_op = 'UPDATE' then old.size_bytes else 0 end));
    return new;
end $$;
create trigger slate_project_trees_quota before insert or update on slate_project_trees
    for each row execute function slate_tree_quota();

-- Work whose results will be kept: nothing more once the disk's quota is used up.
create function slate_work_quota() returns trigger language plpgsql
    security definer set search_path = pg_catalog, public as $$
declare
    one record;
begin
    if exists (select from public.slate_quotas where disk_bytes is not null) then
        for one in select distinct a.project_id, p.owner_id from added a
            join public.slate_projects p on p.id = a.project_id
        loop
            perform public.slate_quota_enforce(one.project_id, one.owner_id,
                jsonb_build_object('disk_bytes', 1));
        end loop;
    end if;
    return null;
end $$;
create trigger slate_asset_jobs_quota after insert on slate_asset_jobs
    referencing new table as added for each statement execute function slate_work_quota();
create trigger slate_build_jobs_work_quota after insert on slate_build_jobs
    referencing new table as added for each statement execute function slate_work_quota();

-- What is taken, for those who may know: a project's members, a person themselves, administrators.
create function slate_quota_state(wanted_scope text, wanted text, out sessions bigint,
        out memory_bytes bigint, out cpus double precision, out builds bigint, out disk_bytes bigint)
    language plpgsql security definer set search_path = pg_catalog, public as $$
begin
    if public.slate_is_person() and session_user like 'slate\_p\_%'
        and not exists (select from public.slate_users u
            where u.id = public.slate_actor() and (u.is_admin
                or wanted_scope = 'person' and wanted = u.id))
        and not exists (select from public.slate_project_members m
            where wanted_scope = 'project' and m.project_id = wanted
                and m.user_id = public.slate_actor() and m.deleted_at is null) then
        raise exception 'that is for others to know' using errcode = 'insufficient_privilege';
    end if;
    select u.sessions, u.memory_bytes, u.cpus, u.builds into sessions, memory_bytes, cpus, builds
        from public.slate_quota_use(wanted_scope, wanted) u;
    disk_bytes := public.slate_quota_disk(wanted_scope, wanted);
end $$;
revoke execute on function slate_quota_state(text, text) from public;

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant select on slate_quotas to slate_user;
        grant insert (scope, subject_id, level, sessions, memory_bytes, cpus, builds, disk_bytes),
            update (sessions, memory_bytes, cpus, builds, disk_bytes) on slate_quotas to slate_user;
        grant execute on function slate_quota_state(text, text), slate_build_waits_for(text)
            to slate_user;
    end if;
    if exists (select 1 from pg_roles where rolname = 'slate_agent') then
        grant select on slate_quotas to slate_agent;
        grant execute on function slate_build_waits_for(text) to slate_agent;
    end if;
end $$;
