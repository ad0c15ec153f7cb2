-- How long and how much a project's logs are kept. A project without a row has the defaults of
-- slate_desktop/domain/retention.py.

create table slate_log_policies (
    project_id text primary key references slate_projects (id),
    -- Null: without limit.
    max_age_days integer check (max_age_days between 1 and 3650),
    max_bytes bigint check (max_bytes >= 1048576),
    -- Set by a person who does not want to wait; answered by the agent.
    prune_requested_at timestamptz,
    pruned_at timestamptz,
    pruned_lines bigint not null default 0,
    updated_at timestamptz not null default now(),
    deleted_at timestamptz
);
create trigger slate_log_policies_touch before update on slate_log_policies
    for each row execute function slate_touch();

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant select on slate_log_policies to slate_user;
        grant insert (project_id, max_age_days, max_bytes, prune_requested_at),
            update (max_age_days, max_bytes, prune_requested_at) on slate_log_policies to slate_user;
    end if;
    if exists (select 1 from pg_roles where rolname = 'slate_agent') then
        grant select, insert, update on slate_log_policies to slate_agent;
        grant delete on slate_runtime_logs to slate_agent;
    end if;
end $$;
