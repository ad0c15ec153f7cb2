-- name: insert_build^
-- A person's wish to build.
insert into slate_build_jobs
    (id, project_id, user_id, build_type, target_platform, source_commit, options)
values (:id, :project_id, :user_id, :build_type, :target_platform, :source_commit, :options)
returning id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at;

-- name: get_build^
-- A build that was not removed.
select id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at
from slate_build_jobs where id = :id and deleted_at is null;

-- name: list_builds
-- Builds, newest first, beyond the last one of the page before.
select id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at
from slate_build_jobs
where deleted_at is null
    and (:project_id::text is null or project_id = :project_id)
    and (:statuses::text[] is null or status = any(:statuses))
    and (:before_time::timestamptz is null
        or (created_at, id) < (:before_time, :before_id::text))
order by created_at desc, id desc limit :limit;

-- name: active_builds
-- Builds that are queued or building, oldest first.
select id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at
from slate_build_jobs
where deleted_at is null and status in ('queued', 'building')
    and (:project_id::text is null or project_id = :project_id)
order by created_at, id limit 1000;

-- name: update_build^
-- Change what is given of a build that has not ended; the trigger keeps moves legal.
update slate_build_jobs set
    status = coalesce(:status, status),
    progress = coalesce(:progress::integer, progress),
    progress_message = coalesce(:progress_message, progress_message),
    output_path = coalesce(:output_path, output_path),
    artifacts = coalesce(:artifacts::jsonb, artifacts),
    error_code = coalesce(:error_code, error_code),
    error_message = coalesce(:error_message, error_message)
where id = :id and deleted_at is null and status in ('queued', 'building')
    and (:version::bigint is null or version = :version)
returning id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at;

-- name: delete_build$
-- Soft-delete a build; the trigger refuses it while it is active.
update slate_build_jobs set deleted_at = now()
where id = :id and deleted_at is null
returning id;

-- name: build_statistics^
-- Counts of builds, and durations in seconds of the completed ones.
select count(*) as total,
    count(*) filter (where status = 'completed') as completed,
    count(*) filter (where status = 'failed') as failed,
    count(*) filter (where status = 'cancelled') as cancelled,
    count(*) filter (where status in ('queued', 'building')) as active,
    avg(seconds) as mean_duration_s,
    percentile_cont(0.5) within group (order by seconds) as median_duration_s,
    percentile_cont(0.9) within group (order by seconds) as p90_duration_s
from (
    select status, case when status = 'completed'
        then extract(epoch from completed_at - started_at)::double precision end as seconds
    from slate_build_jobs
    where deleted_at is null and (:project_id::text is null or project_id = :project_id)
) builds;
