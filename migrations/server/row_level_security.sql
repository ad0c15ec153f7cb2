-- What a person's own login may see and write, on a server that several people share.
--
-- Applied by the server at each start, after the migrations, and again is harmless. The embedded
-- stack has one user and does without. A person's login is slate_p_<id without hyphens>; agents'
-- logins belong to slate_agent and see everything. Tables are found, not listed: one with a
-- project_id is seen by the project's members, one that refers to such a table by those who see the
-- row that it refers to; anything else is seen by nobody until a rule is written for it here.

create or replace function slate_me() returns text
    language sql stable security definer set search_path = pg_catalog, public as $$
    select id from public.slate_users
        where revoked_at is null and deleted_at is null
            and 'slate_p_' || replace(id, '-', '') = session_user
$$;

create or replace function slate_my_projects() returns setof text
    language sql stable security definer set search_path = pg_catalog, public as $$
    select m.project_id from public.slate_project_members m
        where m.deleted_at is null and m.user_id = public.slate_me()
$$;

create or replace function slate_my_role(project text) returns text
    language sql stable security definer set search_path = pg_catalog, public as $$
    select m.role from public.slate_project_members m
        where m.deleted_at is null and m.user_id = public.slate_me() and m.project_id = project
$$;

create or replace function slate_am_admin() returns boolean
    language sql stable security definer set search_path = pg_catalog, public as $$
    select exists (select from public.slate_users where id = public.slate_me() and is_admin)
$$;

-- People who share a project with me, and myself.
create or replace function slate_my_people() returns setof text
    language sql stable security definer set search_path = pg_catalog, public as $$
    select m.user_id from public.slate_project_members m
        where m.deleted_at is null and m.project_id in (select public.slate_my_projects())
    union select public.slate_me()
$$;

revoke execute on function slate_me(), slate_my_projects(), slate_my_role(text), slate_my_people(),
    slate_am_admin() from public;
grant execute on function slate_me(), slate_my_projects(), slate_my_role(text), slate_my_people(),
    slate_am_admin() to slate_user;

do $$
declare
    found record;
    parent record;
    sees text;
    writes text;
begin
    for found in
        select c.oid, c.relname::text as name,
            exists (select 1 from pg_attribute a where a.attrelid = c.oid
                and a.attname = 'project_id' and not a.attisdropped) as has_project,
            exists (select 1 from pg_attribute a where a.attrelid = c.oid
                and a.attname = 'user_id' and not a.attisdropped) as has_user
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'public' and c.relkind in ('r', 'p') and c.relname like 'slate\_%'
            and not c.relispartition
    loop
        sees := 'false';
        writes := 'false';
        if found.name in ('slate_schema_migrations', 'slate_brokers') then
            sees := 'true';
        elsif found.name = 'slate_agents' then
            sees := 'true';
            writes := 'slate_am_admin()';
        elsif found.name = 'slate_audit' then
            sees := 'project_id is null or project_id in (select slate_my_projects())';
        elsif found.name = 'slate_users' then
            sees := 'id in (select slate_my_people())';
        elsif found.name = 'slate_projects' then
            sees := 'id in (select slate_my_projects()) or owner_id = (select slate_me())';
            writes := 'owner_id = (select slate_me())';
        elsif found.name = 'slate_project_members' then
            sees := 'project_id in (select slate_my_projects())';
            writes := 'slate_my_role(project_id) = ''owner''';
        elsif found.name = 'slate_quotas' then
            sees := 'slate_am_admin() or scope = ''person'' and subject_id = (select slate_me())'
                ' or scope = ''project'' and subject_id in (select slate_my_projects())';
            writes := 'slate_am_admin() or level = ''owner'''
                ' and slate_my_role(subject_id) = ''owner''';
        elsif found.name = 'slate_asset_results' then
            sees := 'exists (select 1 from slate_asset_jobs j where j.key = slate_asset_results.key)';
        elsif found.name = 'slate_runtime_logs' then
            -- Without a foreign key: lines are too many for one.
            sees := 'exists (select 1 from slate_runtime_sessions parent'
                ' where parent.id = slate_runtime_logs.session_id)';
            writes := 'exists (select 1 from slate_runtime_sessions parent'
                ' where parent.id = slate_runtime_logs.session_id and slate_my_role(parent.project_id)'
                ' in (''owner'', ''developer'', ''artist''))';
        elsif found.has_project then
            sees := 'project_id in (select slate_my_projects())';
            writes := case found.name
                when 'slate_runtime_sessions' then 'slate_my_role(project_id) = ''owner'''
                else 'slate_my_role(project_id) in (''owner'', ''developer'', ''artist'')' end;
            if found.has_user then
                writes := writes || ' and user_id = (select slate_me())';
            end if;
        else
            select a.attname::text as column_name, k.confrelid::regclass::text as table_name,
                    b.attname::text as parent_column into parent
                from pg_constraint k
                join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
                join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
                where k.conrelid = found.oid and k.contype = 'f'
                    and exists (select 1 from pg_attribute p where p.attrelid = k.confrelid
                        and p.attname = 'project_id' and not p.attisdropped)
                order by k.conname limit 1;
            if parent is not null then
                sees := format('exists (select 1 from %s parent where parent.%I = %I.%I)',
                    parent.table_name, parent.parent_column, found.name, parent.column_name);
                writes := format('exists (select 1 from %s parent where parent.%I = %I.%I'
                    ' and slate_my_role(parent.project_id) in (''owner'', ''developer'', ''artist''))',
                    parent.table_name, parent.parent_column, found.name, parent.column_name);
            end if;
        end if;
        execute format('alter table %I enable row level security', found.name);
        execute format('drop policy if exists slate_agents_all on %I', found.name);
        execute format('create policy slate_agents_all on %I to slate_agent'
            ' using (true) with check (true)', found.name);
        execute format('drop policy if exists slate_people_see on %I', found.name);
        execute format('create policy slate_people_see on %I for select to slate_user using (%s)',
            found.name, sees);
        execute format('drop policy if exists slate_people_add on %I', found.name);
        execute format('create policy slate_people_add on %I for insert to slate_user'
            ' with check (%s)', found.name, writes);
        execute format('drop policy if exists slate_people_change on %I', found.name);
        execute format('create policy slate_people_change on %I for update to slate_user'
            ' using (%s) with check (%s)', found.name,
            regexp_replace(writes, ' and user_id = .*$', ''),
            regexp_replace(writes, ' and user_id = .*$', ''));
        execute format('drop policy if exists slate_people_remove on %I', found.name);
        execute format('create policy slate_people_remove on %I for delete to slate_user using (%s)',
            found.name, writes);
    end loop;
end $$;
