-- What a build says that it needs is a client's word: it decides where the build waits, and what
-- counts against quotas. It has to be readable for every worker, stays as it was submitted, and its
-- memory is put right by the agent that knows what the container gets.

create function slate_needs_are_sound(needs jsonb) returns boolean language sql immutable as $$
    select jsonb_typeof(needs) = 'object'
        and case jsonb_typeof(coalesce(needs -> 'memory_bytes', 'null'))
            when 'null' then true
            when 'number' then (needs ->> 'memory_bytes')::numeric between 0 and 1152921504606846976
                and (needs ->> 'memory_bytes') ~ '^[0-9]+$'
            else false end
        and case jsonb_typeof(coalesce(needs -> 'systems', 'null'))
            when 'null' then true
            when 'array' then jsonb_array_length(needs -> 'systems') <= 16
                and not jsonb_path_exists(needs, '$.systems[*] ? (@.type() != "string")')
            else false end
        and jsonb_typeof(coalesce(needs -> 'capability', 'null')) in ('null', 'string')
        and jsonb_typeof(coalesce(needs -> 'driver', 'null')) in ('null', 'string')
$$;
update slate_build_jobs set needs = '{}' where not slate_needs_are_sound(needs);
alter table slate_build_jobs add constraint slate_build_needs check (slate_needs_are_sound(needs));

create function slate_build_needs_stay() returns trigger language plpgsql
    security definer set search_path = pg_catalog, public as $$
begin
    if public.slate_is_person() and old.envelope is not null then
        raise exception 'a build keeps what it was submitted with'
            using errcode = 'check_violation', constraint = 'slate_build_identity';
    end if;
    return new;
end $$;
create trigger slate_build_jobs_needs_stay before update on slate_build_jobs
    for each row when (old.needs <> new.needs or old.licence is distinct from new.licence)
    execute function slate_build_needs_stay();

-- More memory than the build was taken with counts, too.
create function slate_build_memory_quota() returns trigger language plpgsql
    security definer set search_path = pg_catalog, public as $$
begin
    perform public.slate_quota_enforce(new.project_id, new.user_id, jsonb_build_object(
        'memory_bytes', coalesce((new.needs ->> 'memory_bytes')::bigint, 0)
            - coalesce((old.needs ->> 'memory_bytes')::bigint, 0)));
    return new;
end $$;
create trigger slate_build_jobs_memory_quota before update on slate_build_jobs
    for each row when (old.status = 'building' and new.status = 'building'
        and old.needs <> new.needs)
    execute function slate_build_memory_quota();
