-- The files of projects that travel between machines, and on which machines a project's folder is
-- the very one that a person works in.

-- One row per project: the newest tree. Whoever writes a new one names the version that it stands
-- on; whoever comes second reads what the first wrote.
create table slate_project_trees (
    project_id text primary key references slate_projects (id),
    version bigint not null default 1,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    size bigint not null check (size > 0),
    files integer not null check (files >= 0),
    size_bytes bigint not null check (size_bytes >= 0),
    user_id text not null references slate_users (id),
    -- Set where an agent brought what a runtime wrote.
    agent_id text references slate_agents (id),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz
);
create trigger slate_project_trees_bump before update on slate_project_trees
    for each row execute function slate_bump();

-- What a person's workstation wrote into the project's folder: who finds the same there, under the
-- same number, sees the same folder.
create table slate_project_origins (
    project_id text not null references slate_projects (id),
    user_id text not null references slate_users (id),
    token text not null check (token ~ '^[0-9a-f]{32}$'),
    inode text not null check (inode ~ '^[0-9]{1,20}$'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (project_id, user_id)
);
create trigger slate_project_origins_touch before update on slate_project_origins
    for each row execute function slate_touch();

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant select on slate_project_trees, slate_project_origins to slate_user;
        grant insert (project_id, sha256, size, files, size_bytes, user_id),
            update (sha256, size, files, size_bytes, user_id, agent_id)
            on slate_project_trees to slate_user;
        grant insert (project_id, user_id, token, inode), update (token, inode)
            on slate_project_origins to slate_user;
    end if;
    if exists (select 1 from pg_roles where rolname = 'slate_agent') then
        grant select, insert, update on slate_project_trees to slate_agent;
        grant select on slate_project_origins to slate_agent;
    end if;
end $$;
