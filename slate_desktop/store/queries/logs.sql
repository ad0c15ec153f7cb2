-- name: lock_log_owner^
-- Who may write a session's log; one writer at a time until the end of the transaction.
select id, agent_epoch, attempt from slate_runtime_sessions
where id = :session_id for no key update;

-- name: get_max_log_seq$
-- The number of the newest line, 0 for none.
select coalesce(max(seq), 0) from slate_runtime_logs where session_id = :session_id;

-- name: list_log_positions
-- How far each stream of a runtime is stored.
select stream, ts_ns from slate_log_positions
where session_id = :session_id and container_id = :container_id;

-- name: known_log_keys
-- Identities of the newest lines of one stream of a runtime within a span of time, ends included.
select stream, ts_ns, ord from slate_runtime_logs
where session_id = :session_id and container_id = :container_id and stream = :stream
    and ts_ns >= :since_ns and ts_ns <= :until_ns
order by ts_ns desc, ord desc limit :limit;

-- name: note_log_batch!
-- Count bytes that a run has stored, and note how far its streams are.
with volume as (
    insert into slate_log_volumes (session_id, attempt, bytes)
    select :session_id, :attempt, :bytes::bigint where :bytes::bigint > 0
    on conflict (session_id, attempt) do update
        set bytes = slate_log_volumes.bytes + excluded.bytes)
insert into slate_log_positions (session_id, container_id, stream, ts_ns)
select :session_id, p.container_id, p.stream, p.ts_ns
from unnest(:containers::text[], :streams::text[], :stamps::bigint[])
    as p (container_id, stream, ts_ns)
on conflict (session_id, container_id, stream) do update set ts_ns = excluded.ts_ns
    where slate_log_positions.ts_ns < excluded.ts_ns;

-- name: get_log_volume$
-- The bytes that the session's current run has stored, null for none.
select v.bytes from slate_log_volumes v
join slate_runtime_sessions s on s.id = v.session_id and s.attempt = v.attempt
where v.session_id = :session_id;

-- name: list_drop_markers
-- What the agent said of lines of a runtime that it dropped, the newest first.
select ord, metadata from slate_runtime_logs
where session_id = :session_id and container_id = :container_id and stream = 'slate'
    and metadata ? 'dropped'
order by ts_ns desc, ord desc limit :limit;

-- name: insert_logs!
-- Store lines; one that is there under its identity stays as it is.
insert into slate_runtime_logs
    (session_id, seq, container_id, stream, ts_ns, ord, level, message, partial, metadata)
select :session_id, l.seq, l.container_id, l.stream, l.ts_ns, l.ord, l.level, l.message,
    l.partial, l.metadata::jsonb
from unnest(:seqs::bigint[], :containers::text[], :streams::text[], :stamps::bigint[],
    :ords::integer[], :levels::text[], :messages::text[], :partials::boolean[],
    :metadata::text[])
    as l (seq, container_id, stream, ts_ns, ord, level, message, partial, metadata)
on conflict on constraint slate_runtime_logs_identity do nothing;

-- name: make_log_stage#
-- Where a big batch waits: COPY itself cannot skip what is there.
create temporary table if not exists slate_log_stage (
    session_id text, seq bigint, container_id text, stream text, ts_ns bigint, ord integer, level text,
    message text, partial boolean, metadata jsonb
) on commit delete rows;

-- name: insert_staged_logs!
-- Store the lines of a big batch.
insert into slate_runtime_logs
    (session_id, seq, container_id, stream, ts_ns, ord, level, message, partial, metadata)
select session_id, seq, container_id, stream, ts_ns, ord, level, message, partial, metadata
from slate_log_stage
on conflict on constraint slate_runtime_logs_identity do nothing;

-- name: add_log^
-- A line of a person or a script, with the next number.
insert into slate_runtime_logs
    (session_id, seq, container_id, stream, ts_ns, ord, level, message, metadata)
select :session_id,
    (select coalesce(max(seq), 0) + 1 from slate_runtime_logs where session_id = :session_id),
    'api', 'api', :ts_ns,
    (select coalesce(max(ord) + 1, 0) from slate_runtime_logs
     where session_id = :session_id and container_id = 'api' and stream = 'api'
        and ts_ns = :ts_ns),
    :level, :message, :metadata::jsonb
returning seq, ts_ns, level, message, stream, partial, metadata;

-- name: page_logs_before
-- Lines before a number and not before a floor, newest first.
select seq, ts_ns, level, message, stream, partial, metadata
from slate_runtime_logs
where session_id = :session_id and seq < :before and seq >= :floor and deleted_at is null
    and (:levels::text[] is null or level = any(:levels))
    and (:text::text is null or message ilike :text)
    and (:regex::text is null
        or (:part::text = '' or strpos(lower(message), :part) > 0) and message ~* :regex)
    and (:since_ns::bigint is null or ts_ns >= :since_ns)
    and (:until_ns::bigint is null or ts_ns < :until_ns)
order by seq desc limit :limit;

-- name: page_logs_after
-- Lines after a number and not after a ceiling, oldest first.
select seq, ts_ns, level, message, stream, partial, metadata
from slate_runtime_logs
where session_id = :session_id and seq > :after and seq <= :ceiling and deleted_at is null
    and (:levels::text[] is null or level = any(:levels))
    and (:text::text is null or message ilike :text)
    and (:regex::text is null
        or (:part::text = '' or strpos(lower(message), :part) > 0) and message ~* :regex)
    and (:since_ns::bigint is null or ts_ns >= :since_ns)
    and (:until_ns::bigint is null or ts_ns < :until_ns)
order by seq asc limit :limit;

-- name: find_log_text
-- Lines between two numbers that hold a text, in any case; those with escapes are for another look.
select seq, case when strpos(message, chr(27)) > 0 then message end as message
from slate_runtime_logs
where session_id = :session_id and seq between :first and :last and deleted_at is null
    and (strpos(lower(message), lower(:text)) > 0 or strpos(message, chr(27)) > 0)
order by seq;

-- name: find_log_expression
-- Lines between two numbers that hold a text (in lower case, empty for any) and match an expression,
-- in any case; the same for those with escapes.
select seq, case when strpos(message, chr(27)) > 0 then message end as message
from slate_runtime_logs
where session_id = :session_id and seq between :first and :last and deleted_at is null
    and ((:part = '' or strpos(lower(message), :part) > 0) and message ~* :text
        or strpos(message, chr(27)) > 0)
order by seq;

-- name: find_log_at$
-- The number of the first line at or after a time, null where there is none.
select seq from slate_runtime_logs
where session_id = :session_id and ts_ns >= :ts_ns and deleted_at is null
order by ts_ns, seq limit 1;

-- name: list_problem_density
-- How many warnings and errors lie in each of equal parts of a span of numbers.
select width_bucket(seq::double precision, :first, :last, :buckets) - 1 as bucket, level,
    count(*) as lines
from slate_runtime_logs
where session_id = :session_id and level in ('warn', 'error')
    and seq >= :first and seq < :last and deleted_at is null
group by 1, 2;

-- name: page_problems_before
-- Warnings and errors before a number, newest first: each level along the index of both.
select l.seq, l.ts_ns, l.level, l.message, l.stream, l.partial, l.metadata
from unnest(:levels::text[]) as wanted (level)
cross join lateral (
    select seq, ts_ns, level, message, stream, partial, metadata
    from slate_runtime_logs
    where session_id = :session_id and seq < :before and seq >= :floor and deleted_at is null
        and level = wanted.level and level in ('warn', 'error')
        and (:text::text is null or message ilike :text)
        and (:regex::text is null
            or (:part::text = '' or strpos(lower(message), :part) > 0) and message ~* :regex)
        and (:since_ns::bigint is null or ts_ns >= :since_ns)
        and (:until_ns::bigint is null or ts_ns < :until_ns)
    order by seq desc limit :limit) l
order by l.seq desc limit :limit;

-- name: page_problems_after
-- Warnings and errors after a number, oldest first: each level along the index of both.
select l.seq, l.ts_ns, l.level, l.message, l.stream, l.partial, l.metadata
from unnest(:levels::text[]) as wanted (level)
cross join lateral (
    select seq, ts_ns, level, message, stream, partial, metadata
    from slate_runtime_logs
    where session_id = :session_id and seq > :after and seq <= :ceiling and deleted_at is null
        and level = wanted.level and level in ('warn', 'error')
        and (:text::text is null or message ilike :text)
        and (:regex::text is null
            or (:part::text = '' or strpos(lower(message), :part) > 0) and message ~* :regex)
        and (:since_ns::bigint is null or ts_ns >= :since_ns)
        and (:until_ns::bigint is null or ts_ns < :until_ns)
    order by seq asc limit :limit) l
order by l.seq asc limit :limit;
