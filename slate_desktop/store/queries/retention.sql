-- name: get_log_policy^
-- What a project keeps of its logs.
select max_age_days, max_bytes, lines_per_s, run_bytes, prune_requested_at, pruned_at, pruned_lines
from slate_log_policies where project_id = :project_id and deleted_at is null;

-- name: set_log_policy!
-- Change what a project keeps of its logs.
insert into slate_log_policies (project_id, max_age_days, max_bytes, lines_per_s, run_bytes)
values (:project_id, :max_age_days, :max_bytes, :lines_per_s, :run_bytes)
on conflict (project_id) do update set max_age_days = excluded.max_age_days,
    max_bytes = excluded.max_bytes, lines_per_s = excluded.lines_per_s,
    run_bytes = excluded.run_bytes;

-- name: list_flood_limits
-- What one run may write, of the projects that say so.
select project_id, lines_per_s, run_bytes from slate_log_policies
where project_id = any(:project_ids::text[]) and deleted_at is null;

-- name: request_prune$
-- Ask for a project's logs to be looked at now; returns when that was.
insert into slate_log_policies (project_id, max_age_days, max_bytes, prune_requested_at)
values (:project_id, :max_age_days, :max_bytes, clock_timestamp())
on conflict (project_id) do update set prune_requested_at = excluded.prune_requested_at
returning prune_requested_at;

-- name: finish_prune!
-- Answer a person's wish.
update slate_log_policies set pruned_at = clock_timestamp(), pruned_lines = :lines
where project_id = :project_id;

-- name: list_prune_requests
-- Projects that somebody waits for.
select project_id from slate_log_policies
where prune_requested_at is not null and (pruned_at is null or pruned_at < prune_requested_at)
    and deleted_at is null;

-- name: list_projects_with_logs
-- Every project that has sessions.
select distinct project_id from slate_runtime_sessions;

-- name: list_stored_sessions
-- First and last number of each session's log, oldest session first: two steps along the key each.
select s.id as session_id, s.status in ('stopped', 'failed') as is_over, l.first_seq, l.last_seq
from slate_runtime_sessions s
cross join lateral (
    select
        (select seq from slate_runtime_logs where session_id = s.id order by seq limit 1)
            as first_seq,
        (select seq from slate_runtime_logs where session_id = s.id order by seq desc limit 1)
            as last_seq) l
where s.project_id = :project_id and l.first_seq is not null
order by coalesce(s.stopped_at, s.created_at), s.id;

-- name: measure_log_line$
-- What a line takes with its indexes (bytes), by the server's own statistics; null when unknown.
select pg_total_relation_size(c.oid) / nullif(greatest(c.reltuples, 0), 0)::double precision
from pg_class c where c.oid = 'slate_runtime_logs'::regclass;

-- name: find_log_before$
-- The number of the last line before a time.
select seq from slate_runtime_logs
where session_id = :session_id and ts_ns < :before_ns
order by ts_ns desc, seq desc limit 1;

-- name: drop_logs!
-- Drop a range of lines.
delete from slate_runtime_logs where session_id = :session_id and seq between :first and :last;
