-- People, projects and their members, agents, and the requests that must have one effect.

create function slate_touch() returns trigger language plpgsql as $$
begin
    new.updated_at := now();
    return new;
end $$;

create function slate_bump() returns trigger language plpgsql as $$
begin
    new.updated_at := now();
    new.version := old.version + 1;
    return new;
end $$;

create table slate_users (
    id text primary key check (id ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
    name text not null check (length(name) between 1 and 200),
    pubkey text not null check (pubkey ~ '^U[A-Z2-7]{55}$'),
    revoked_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz
);
create unique index slate_users_pubkey on slate_users (pubkey);
create trigger slate_users_touch before update on slate_users
    for each row execute function slate_touch();

create table slate_projects (
    id text primary key check (id ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$' and id not in ('submit', 'cancel')),
    name text not null check (length(name) between 1 and 200),
    owner_id text not null references slate_users (id),
    root text not null check (length(root) between 1 and 4096),
    engine text not null check (engine in ('unity', 'unreal', 'godot', 'custom')),
    engine_version text,
    command jsonb check (command is null or jsonb_typeof(command) = 'array'),
    settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz
);
create unique index slate_projects_root on slate_projects (owner_id, root) where deleted_at is null;
create index slate_projects_name on slate_projects (lower(name), id) where deleted_at is null;
create trigger slate_projects_bump before update on slate_projects
    for each row execute function slate_bump();

create table slate_project_members (
    project_id text not null references slate_projects (id),
    user_id text not null references slate_users (id),
    role text not null check (role in ('owner', 'developer', 'artist', 'viewer')),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (project_id, user_id)
);
create index slate_project_members_user on slate_project_members (user_id, project_id)
    where deleted_at is null;
create trigger slate_project_members_touch before update on slate_project_members
    for each row execute function slate_touch();

-- The owner of a project is a member with that role, whoever inserts the row.
create function slate_add_owner() returns trigger language plpgsql
    security definer set search_path = pg_catalog, public as $$
begin
    insert into public.slate_project_members (project_id, user_id, role)
        values (new.id, new.owner_id, 'owner')
        on conflict (project_id, user_id) do update set role = 'owner', deleted_at = null;
    return new;
end $$;
create trigger slate_projects_owner after insert on slate_projects
    for each row execute function slate_add_owner();

create table slate_agents (
    id text primary key check (id ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
    name text not null,
    pubkey text check (pubkey is null or pubkey ~ '^U[A-Z2-7]{55}$'),
    epoch bigint not null default 0,
    capabilities jsonb not null default '{}' check (jsonb_typeof(capabilities) = 'object'),
    last_seen timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz
);
create trigger slate_agents_touch before update on slate_agents
    for each row execute function slate_touch();

-- One row per intent of a caller: the same key asked again has no second effect.
create table slate_requests (
    signer text not null,
    idem text not null check (idem ~ '^[A-Za-z0-9_.:-]{1,64}$'),
    subject text not null,
    body_sha text not null,
    state text not null default 'running' check (state in ('running', 'done')),
    response bytea,
    epoch bigint not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (signer, idem)
);
create index slate_requests_age on slate_requests (created_at);
create trigger slate_requests_touch before update on slate_requests
    for each row execute function slate_touch();

-- Rights. An administrator who may not create roles makes them beforehand, or none: the grants are
-- then left out and the login that owns the tables does everything.
do $$
declare role_name text;
begin
    foreach role_name in array array['slate_user', 'slate_agent'] loop
        if not exists (select 1 from pg_roles where rolname = role_name) then
            begin
                execute format('create role %I nologin', role_name);
            exception when insufficient_privilege or duplicate_object or unique_violation then
                raise notice 'role % is not made here', role_name;
            end;
        end if;
    end loop;
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant select on slate_users, slate_projects, slate_project_members, slate_agents,
            slate_requests to slate_user;
        -- The runner made this table; somebody who applies the files by hand has none.
        if to_regclass('slate_schema_migrations') is not null then
            grant select on slate_schema_migrations to slate_user;
        end if;
        grant insert on slate_projects to slate_user;
        grant update (name, engine, engine_version, command, settings, deleted_at)
            on slate_projects to slate_user;
    end if;
    if exists (select 1 from pg_roles where rolname = 'slate_agent') then
        grant select on slate_users, slate_projects, slate_project_members, slate_agents
            to slate_agent;
        if to_regclass('slate_schema_migrations') is not null then
            grant select on slate_schema_migrations to slate_agent;
        end if;
        grant insert, update on slate_agents to slate_agent;
        grant select, insert, update, delete on slate_requests to slate_agent;
    end if;
end $$;
