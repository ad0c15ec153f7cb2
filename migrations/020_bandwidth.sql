-- What each container of a project, or of a person, may send and receive in a second. There is no
-- sum: the agent that starts a container holds it to the least of what is set.

alter table slate_quotas add column bandwidth_bits bigint check (bandwidth_bits > 0);

create or replace function slate_quota_noted() returns trigger language plpgsql
    security definer set search_path = pg_catalog, public as $$
begin
    perform public.slate_note(case when new.scope = 'project' then new.subject_id end,
        'quota.set', new.subject_id, (
            select string_agg(key || ' ' || value, ', ' order by key)
            from jsonb_each_text(jsonb_strip_nulls(to_jsonb(new)))
            where key in ('level', 'sessions', 'memory_bytes', 'cpus', 'builds', 'disk_bytes',
                'bandwidth_bits')));
    return null;
end $$;

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant insert (bandwidth_bits), update (bandwidth_bits) on slate_quotas to slate_user;
    end if;
end $$;
