-- The audit trail: every signed command, who asked for it, and how it ended. Rows are only added;
-- the end of one is written once, by the agent that worked on it.

create table slate_audit (
    id bigint generated always as identity primary key,
    project_id text not null references slate_projects (id),
    user_id text not null references slate_users (id),
    -- As the person was called then.
    user_name text not null,
    signer text not null,
    idem text not null,
    agent_id text not null,
    action text not null check (action ~ '^[a-z]+\.[a-z_]+$'),
    target text not null,
    detail text not null default '' check (length(detail) <= 500),
    asked_at timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    -- Null while it is under way, and for ever where the agent died with it.
    code text,
    message text not null default '' check (length(message) <= 500),
    ended_at timestamptz
);
create index slate_audit_project on slate_audit (project_id, id desc);
create index slate_audit_open on slate_audit (signer, idem) where code is null;

create function slate_audit_guard() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        if old.code is null and new.code is not null
            and (new.id, new.project_id, new.user_id, new.user_name, new.signer, new.idem,
                new.action, new.target, new.detail, new.asked_at, new.recorded_at)
            = (old.id, old.project_id, old.user_id, old.user_name, old.signer, old.idem,
                old.action, old.target, old.detail, old.asked_at, old.recorded_at) then
            return new;
        end if;
    end if;
    raise exception 'the audit trail is only added to'
        using errcode = 'check_violation', constraint = 'slate_audit_only_grows';
end $$;
create trigger slate_audit_guard before update or delete on slate_audit
    for each row execute function slate_audit_guard();
create trigger slate_audit_kept before truncate on slate_audit
    for each statement execute function slate_audit_guard();

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant select on slate_audit to slate_user;
    end if;
    if exists (select 1 from pg_roles where rolname = 'slate_agent') then
        grant select, insert on slate_audit to slate_agent;
        grant update (agent_id, code, message, ended_at) on slate_audit to slate_agent;
    end if;
end $$;
