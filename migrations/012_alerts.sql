-- Rules that tell people of what happens in sessions, and what they told.

create table slate_alert_rules (
    id text primary key,
    project_id text not null references slate_projects (id),
    name text not null check (length(name) between 1 and 64),
    kind text not null
        check (kind in ('level', 'text', 'cpu', 'memory', 'network', 'exit', 'oom')),
    level text check (level in ('debug', 'info', 'warn', 'error')),
    pattern text check (length(pattern) between 1 and 500),
    is_regex boolean not null default false,
    -- Percent of one core, bytes or percent of the limit, bytes per second.
    threshold double precision check (threshold > 0),
    is_percent boolean not null default false,
    held_s integer not null default 0 check (held_s between 0 and 3600),
    cooldown_s integer not null default 300 check (cooldown_s between 10 and 86400),
    is_enabled boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    check (kind <> 'level' or level is not null),
    check (kind <> 'text' or pattern is not null),
    check (kind not in ('cpu', 'memory', 'network') or threshold is not null)
);
create unique index slate_alert_rules_name on slate_alert_rules (project_id, lower(name))
    where deleted_at is null;
create trigger slate_alert_rules_touch before update on slate_alert_rules
    for each row execute function slate_touch();

create table slate_alerts (
    id text primary key,
    project_id text not null references slate_projects (id),
    session_id text not null references slate_runtime_sessions (id),
    rule_id text not null references slate_alert_rules (id),
    -- As the rule was called then.
    rule_name text not null,
    kind text not null,
    -- UTC nanoseconds of the first and of the newest match that this alert counts.
    at_ns bigint not null,
    last_ns bigint not null,
    count bigint not null check (count > 0),
    is_at_least boolean not null default false,
    seq bigint,
    words text not null
);
create index slate_alerts_session on slate_alerts (session_id, at_ns desc);
create index slate_alerts_project on slate_alerts (project_id, at_ns desc);

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant select on slate_alert_rules, slate_alerts to slate_user;
        grant insert (id, project_id, name, kind, level, pattern, is_regex, threshold, is_percent,
            held_s, cooldown_s, is_enabled), update (name, kind, level, pattern, is_regex,
            threshold, is_percent, held_s, cooldown_s, is_enabled, deleted_at)
            on slate_alert_rules to slate_user;
    end if;
    if exists (select 1 from pg_roles where rolname = 'slate_agent') then
        grant select on slate_alert_rules to slate_agent;
        grant select, insert, update on slate_alerts to slate_agent;
    end if;
end $$;
