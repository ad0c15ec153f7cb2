-- The trail knows of builds and asset jobs from the moment that they are asked for until they end,
-- whoever ends them; and of commands that no agent answered.

-- A row that is open may be taken up by the agent that works on the command now.
create or replace function slate_audit_guard() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        if old.code is null
            and (new.code is not null or new.ended_at is null and new.message = '')
            and (new.id, new.project_id, new.user_id, new.user_name, new.signer, new.idem,
                new.action, new.target, new.detail, new.asked_at, new.recorded_at)
            is not distinct from (old.id, old.project_id, old.user_id, old.user_name, old.signer,
                old.idem, old.action, old.target, old.detail, old.asked_at, old.recorded_at) then
            return new;
        end if;
    end if;
    raise exception 'the audit trail is only added to'
        using errcode = 'check_violation', constraint = 'slate_audit_only_grows';
end $$;

-- Of one kind of job (the first argument), in the transaction that adds or ends it.
create function slate_audit_job() returns trigger language plpgsql
    security definer set search_path = pg_catalog, public as $$
declare
    kind constant text := tg_argv[0];
    key constant text := left(coalesce(new.envelope -> 'headers' ->> 'Slate-Key', ''), 64);
    is_over constant boolean := new.status in ('completed', 'failed', 'cancelled');
    result constant text := case when not is_over then null when new.status = 'completed' then 'ok'
        else coalesce(new.error_code, new.status) end;
    words constant text := case when is_over then left(coalesce(new.error_message, ''), 500)
        else '' end;
    made jsonb;
begin
    if tg_op = 'INSERT' then
        made := to_jsonb(new);
        insert into public.slate_audit (project_id, user_id, user_name, signer, idem, agent_id,
            action, target, detail, asked_at, code, message, ended_at)
        select new.project_id, new.user_id, u.name, key, new.id, '', kind || '.run', new.id,
            left(case kind when 'asset' then (made ->> 'kind') || ' ' || (made ->> 'path')
                else (made ->> 'build_type') || ' for ' || (made ->> 'target_platform') end, 500),
            clock_timestamp(), result, words, case when is_over then clock_timestamp() end
        from public.slate_users u where u.id = new.user_id;
    elsif is_over and old.status <> new.status then
        update public.slate_audit
        set code = result, message = words, ended_at = clock_timestamp()
        where signer = key and idem = new.id and action = kind || '.run' and code is null;
    end if;
    return null;
end $$;
create trigger slate_build_jobs_audit after insert or update of status on slate_build_jobs
    for each row execute function slate_audit_job('build');
create trigger slate_asset_jobs_audit after insert or update of status on slate_asset_jobs
    for each row execute function slate_audit_job('asset');

-- A person's own command that no agent answered; nothing where an agent has noted it. The row stays
-- open: an agent that got it after all takes it up, and ends it.
create function slate_note_unanswered(session text, action text, idem text) returns void
    language sql security definer set search_path = pg_catalog, public as $$
    insert into public.slate_audit (project_id, user_id, user_name, signer, idem, agent_id, action,
        target, asked_at, message)
    select s.project_id, u.id, u.name, u.pubkey, $3, coalesce(s.agent_id, ''), $2, s.id,
        clock_timestamp(), 'No agent answered.'
    from public.slate_runtime_sessions s
    join public.slate_users u on u.id = public.slate_actor()
    join public.slate_project_members m
        on m.project_id = s.project_id and m.user_id = u.id and m.deleted_at is null
    where s.id = $1 and $2 in ('session.start', 'session.stop', 'session.restart',
            'session.execute', 'session.update')
        and $3 ~ '^[A-Za-z0-9_.:-]{1,64}$'
        and not exists (select from public.slate_audit a where a.signer = u.pubkey and a.idem = $3)
$$;
revoke execute on function slate_note_unanswered(text, text, text) from public;

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant execute on function slate_note_unanswered(text, text, text) to slate_user;
    end if;
end $$;
