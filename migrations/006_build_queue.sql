-- Builds that can be moved in the queue, and option sets that a project keeps under a name.

-- Lower is earlier among builds of one priority. A numeric has a middle between any two.
alter table slate_build_jobs add column queue_position numeric;
update slate_build_jobs set queue_position = extract(epoch from created_at);
alter table slate_build_jobs
    alter column queue_position set default extract(epoch from clock_timestamp()),
    alter column queue_position set not null;
drop index slate_build_jobs_waiting;
create index slate_build_jobs_waiting on slate_build_jobs
    (target_platform, priority desc, queue_position, id)
    where status = 'queued' and deleted_at is null;

create table slate_build_presets (
    project_id text not null references slate_projects (id),
    name text not null check (length(name) between 1 and 64),
    -- {"build_type", "target_platform", "source_commit", "options"}
    preset jsonb not null check (jsonb_typeof(preset) = 'object'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (project_id, name)
);
create trigger slate_build_presets_touch before update on slate_build_presets
    for each row execute function slate_touch();

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant update (queue_position) on slate_build_jobs to slate_user;
        grant select on slate_build_presets to slate_user;
        grant insert (project_id, name, preset), update (preset, deleted_at)
            on slate_build_presets to slate_user;
    end if;
end $$;
