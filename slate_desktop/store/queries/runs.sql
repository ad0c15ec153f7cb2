-- name: note_run_uses!
-- Raise the peaks of runs, and note their limits where they are known.
update slate_runs r set
    memory_peak = greatest(r.memory_peak, u.memory_peak),
    cpu_peak = greatest(r.cpu_peak, u.cpu_peak),
    memory_limit = case when u.memory_limit > 0 then u.memory_limit else r.memory_limit end,
    cpu_limit = case when u.cpu_limit > 0 then u.cpu_limit else r.cpu_limit end
from jsonb_to_recordset(:uses::text::jsonb) as u (session_id text, attempt integer,
    memory_peak bigint, cpu_peak double precision, memory_limit bigint,
    cpu_limit double precision)
where r.session_id = u.session_id and r.attempt = u.attempt;

-- name: list_runs_of_sessions
-- Runs of sessions that touch a span, oldest first.
select session_id, attempt, project_id, runtime_type, status, exit_code, oom_killed, error_code,
    started_at, stopped_at, memory_limit, cpu_limit, memory_peak, cpu_peak
from slate_runs
where session_id = any(:session_ids::text[]) and started_at < :end
    and (stopped_at is null or stopped_at >= :start)
order by started_at limit :limit;

-- name: list_runs_of_project
-- The newest runs of a project that have ended, with an engine.
select session_id, attempt, project_id, runtime_type, status, exit_code, oom_killed, error_code,
    started_at, stopped_at, memory_limit, cpu_limit, memory_peak, cpu_peak
from slate_runs
where project_id = :project_id and runtime_type = :runtime_type
order by started_at desc limit :limit;

-- name: list_error_times
-- When the newest errors of sessions within a span came.
select session_id, ts_ns from slate_runtime_logs
where session_id = any(:session_ids::text[]) and level = 'error' and level in ('warn', 'error')
    and ts_ns >= :start_ns and ts_ns < :end_ns and deleted_at is null
order by ts_ns desc limit :limit;

-- name: list_build_moments
-- Builds of a project that ended within a span.
select id, target_platform, build_type, status, completed_at from slate_build_jobs
where project_id = :project_id and completed_at >= :start and completed_at < :end
    and deleted_at is null
order by completed_at desc limit :limit;

-- name: list_asset_moments
-- How many asset jobs of a project ended in each of equal parts of a span, and how many failed.
select date_bin(make_interval(secs => :width_s), completed_at, 'epoch') as at, count(*) as jobs,
    count(*) filter (where status = 'failed') as failed
from slate_asset_jobs
where project_id = :project_id and completed_at >= :start and completed_at < :end
    and deleted_at is null
group by 1 order by 1 limit :limit;
