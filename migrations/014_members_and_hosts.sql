-- Members that owners manage, administrators, and hosts that take no new work.

alter table slate_users add column is_admin boolean not null default false;

-- Who is at work in this connection: the person whose login it is, or the one person of an embedded
-- stack. Null for the administrator on the server's own host.
create function slate_actor() returns text
    language sql stable security definer set search_path = pg_catalog, public as $$
    select coalesce(
        (select id from public.slate_users where 'slate_p_' || replace(id, '-', '') = session_user),
        (select min(u.id) from public.slate_users u
            where u.deleted_at is null and u.revoked_at is null
                and not exists (select from pg_roles r where r.rolname = session_user and r.rolsuper)
            having count(*) = 1))
$$;

-- Whether this login has a person's rights only: then rules of ours count, also where one login is
-- shared by several and rows are not guarded.
create function slate_is_person() returns boolean
    language sql stable security definer set search_path = pg_catalog, public as $$
    select exists (select from pg_roles where rolname = 'slate_user')
        and pg_has_role(session_user, (select oid from pg_roles where rolname = 'slate_user'), 'usage')
        and not exists (select from pg_roles where rolname = session_user and rolsuper)
$$;

-- What concerns a host belongs to no project; what the host's administrator does, to no person.
alter table slate_audit
    alter column project_id drop not null,
    alter column user_id drop not null;

create function slate_note(
    project text, action text, target text, detail text) returns void
    language sql security definer set search_path = pg_catalog, public as $$
    insert into public.slate_audit (project_id, user_id, user_name, signer, idem, agent_id, action,
        target, detail, asked_at, code, ended_at)
    select project, public.slate_actor(),
        coalesce((select name from public.slate_users where id = public.slate_actor()),
            'administrator'),
        '', '', '', action, target, left(detail, 500), clock_timestamp(), 'ok', clock_timestamp()
$$;
revoke execute on function slate_note(text, text, text, text) from public;

create function slate_member_guard() returns trigger language plpgsql
    security definer set search_path = pg_catalog, public as $$
declare
    name text;
begin
    if exists (select from public.slate_projects p
            where p.id = new.project_id and p.owner_id = new.user_id)
        and (new.role <> 'owner' or new.deleted_at is not null) then
        raise exception 'the person who added a project stays its owner'
            using errcode = 'check_violation', constraint = 'slate_members_owner_stays';
    end if;
    if public.slate_is_person() and not exists (
            select from public.slate_projects p
            where p.id = new.project_id and p.owner_id = new.user_id and tg_op = 'INSERT')
        and not exists (select from public.slate_project_members m
            where m.project_id = new.project_id and m.user_id = public.slate_actor()
                and m.role = 'owner' and m.deleted_at is null and m.user_id <> new.user_id)
        -- One's own row says what it said before.
        and not (tg_op = 'UPDATE' and new.user_id = public.slate_actor()
            and old.role = 'owner' and old.deleted_at is null) then
        raise exception 'only an owner of the project decides who is in it'
            using errcode = 'insufficient_privilege';
    end if;
    select u.name into name from public.slate_users u where u.id = new.user_id;
    if new.deleted_at is not null then
        if tg_op = 'UPDATE' and old.deleted_at is null then
            perform public.slate_note(new.project_id, 'member.remove', new.user_id, name);
        end if;
    elsif tg_op = 'INSERT' then
        -- The owner of a project that is just being added goes without saying.
        if new.user_id is distinct from (
                select p.owner_id from public.slate_projects p where p.id = new.project_id) then
            perform public.slate_note(
                new.project_id, 'member.set', new.user_id, name || ': ' || new.role);
        end if;
    elsif old.role <> new.role or old.deleted_at is not null then
        perform public.slate_note(
            new.project_id, 'member.set', new.user_id, name || ': ' || new.role);
    end if;
    return new;
end $$;
create trigger slate_project_members_guard after insert or update on slate_project_members
    for each row execute function slate_member_guard();

-- A person by exact name or id, for owners who add them: nobody can list the others.
create function slate_find_person(wanted text) returns table (id text, name text)
    language sql stable security definer set search_path = pg_catalog, public as $$
    select u.id, u.name from public.slate_users u
    where u.deleted_at is null and u.revoked_at is null
        and (u.id = wanted or lower(u.name) = lower(wanted))
    order by u.id = wanted desc, u.id limit 10
$$;
revoke execute on function slate_find_person(text) from public;

alter table slate_agents
    add column cordoned_at timestamptz,
    add column cordon_reason text not null default '' check (length(cordon_reason) <= 200),
    add column cordoned_by text,
    add column is_draining boolean not null default false,
    add constraint slate_agents_drain check (not is_draining or cordoned_at is not null);

create function slate_cordon_guard() returns trigger language plpgsql
    security definer set search_path = pg_catalog, public as $$
declare
    what text := case when new.cordoned_at is null then 'host.uncordon'
        when new.is_draining then 'host.drain' else 'host.cordon' end;
begin
    if public.slate_is_person() and not exists (
            select from public.slate_users u where u.id = public.slate_actor()
                and (u.is_admin or session_user not like 'slate\_p\_%')) then
        raise exception 'only an administrator takes hosts out of service'
            using errcode = 'insufficient_privilege';
    end if;
    if new.cordoned_at is null then
        new.cordoned_by := null;
        new.cordon_reason := '';
    else
        new.cordoned_by := coalesce(
            (select name from public.slate_users where id = public.slate_actor()), 'administrator');
    end if;
    perform public.slate_note(null, what, new.id, new.cordon_reason);
    return new;
end $$;
create trigger slate_agents_cordon before update on slate_agents
    for each row when (old.cordoned_at is distinct from new.cordoned_at
        or old.is_draining <> new.is_draining)
    execute function slate_cordon_guard();

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant insert (project_id, user_id, role), update (role, deleted_at)
            on slate_project_members to slate_user;
        grant update (cordoned_at, cordon_reason, is_draining) on slate_agents to slate_user;
        grant execute on function slate_find_person(text) to slate_user;
    end if;
end $$;
