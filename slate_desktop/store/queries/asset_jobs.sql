-- Asset jobs: intents from people, fenced writes of workers.

-- name: insert_asset_job^
-- The intent to process an asset; the trigger completes it at once where the key is known.
insert into slate_asset_jobs (id, project_id, user_id, batch_id, kind, path, inputs, options, key,
    out_dir, priority, time_limit_s, forced, envelope)
values (:id, :project_id, :user_id, :batch_id, :kind, :path, :inputs, :options, :key,
    :out_dir, :priority, :time_limit_s, :forced, :envelope)
on conflict (id) do nothing
returning id, project_id, user_id, batch_id, kind, path, inputs, options, key, worker_key, out_dir,
    priority, time_limit_s, forced, envelope, status, cached, progress, progress_message, attempt, lease_owner,
    cancel_requested, result, delivered_at, error_code, error_message, version, created_at,
    updated_at, started_at, completed_at, deleted_at;

-- name: get_asset_job^
-- One job that is not deleted.
select id, project_id, user_id, batch_id, kind, path, inputs, options, key, worker_key, out_dir,
    priority, time_limit_s, forced, envelope, status, cached, progress, progress_message, attempt, lease_owner,
    cancel_requested, result, delivered_at, error_code, error_message, version, created_at,
    updated_at, started_at, completed_at, deleted_at
from slate_asset_jobs where id = :id and deleted_at is null;

-- name: get_open_asset_job^
-- One job as workers see it: a deleted project's is not there.
select j.id, j.project_id, j.user_id, j.batch_id, j.kind, j.path, j.inputs, j.options, j.key,
    j.out_dir, j.priority, j.time_limit_s, j.forced, j.envelope, j.status, j.cached, j.progress,
    j.progress_message, j.attempt, j.lease_owner, j.cancel_requested, j.result, j.delivered_at,
    j.error_code, j.error_message, j.version, j.created_at, j.updated_at, j.started_at,
    j.completed_at, j.deleted_at
from slate_asset_jobs j join slate_projects p on p.id = j.project_id
where j.id = :id and j.deleted_at is null and p.deleted_at is null;

-- name: list_asset_jobs
-- Jobs, newest first; the page before ended with (before_time, before_id).
select id, project_id, user_id, batch_id, kind, path, inputs, options, key, worker_key, out_dir,
    priority, time_limit_s, forced, envelope, status, cached, progress, progress_message, attempt, lease_owner,
    cancel_requested, result, delivered_at, error_code, error_message, version, created_at,
    updated_at, started_at, completed_at, deleted_at
from slate_asset_jobs
where deleted_at is null
    and (:project_id::text is null or project_id = :project_id)
    and (:batch_id::text is null or batch_id = :batch_id)
    and (:path::text is null or path = :path)
    and (:statuses::text[] is null or status = any(:statuses::text[]))
    and (:before_time::timestamptz is null
        or (created_at, id) < (:before_time::timestamptz, :before_id::text))
order by created_at desc, id desc limit :limit;

-- name: get_asset_jobs_by_id
-- Several jobs at once.
select id, project_id, user_id, batch_id, kind, path, inputs, options, key, worker_key, out_dir,
    priority, time_limit_s, forced, envelope, status, cached, progress, progress_message, attempt, lease_owner,
    cancel_requested, result, delivered_at, error_code, error_message, version, created_at,
    updated_at, started_at, completed_at, deleted_at
from slate_asset_jobs where id = any(:ids::text[]) and deleted_at is null;

-- name: count_asset_jobs
-- How many jobs of a project are in each state.
select status, count(*) as count from slate_asset_jobs
where deleted_at is null and project_id = :project_id
    and (:batch_id::text is null or batch_id = :batch_id)
group by status;

-- name: delete_asset_job$
-- Soft-delete a job; the trigger refuses it while it is active.
update slate_asset_jobs set deleted_at = now() where id = :id and deleted_at is null returning id;

-- name: claim_asset_job^
-- Take the most urgent job of a type that waits, or whose worker is gone.
update slate_asset_jobs j set
    status = 'processing', attempt = j.attempt + 1, lease_owner = :owner,
    lease_until = now() + make_interval(secs => :lease_s::double precision)
from (
    select c.id from slate_asset_jobs c join slate_projects p on p.id = c.project_id
    where c.kind = :kind and c.deleted_at is null and p.deleted_at is null
        and not c.cancel_requested
        and (c.status = 'queued' or (c.status = 'processing' and c.lease_until < now()))
        and not exists (select 1 from slate_asset_pauses s
            where s.project_id = c.project_id and s.kind = c.kind)
        and not exists (select 1 from slate_asset_jobs o
            where o.key = c.key and o.status = 'processing' and o.id <> c.id)
    order by (c.status = 'processing') desc, c.priority desc, c.created_at, c.id
    limit 1 for update of c skip locked
) next
where j.id = next.id
returning j.id, j.project_id, j.user_id, j.batch_id, j.kind, j.path, j.inputs, j.options, j.key,
    j.out_dir, j.priority, j.time_limit_s, j.forced, j.envelope, j.status, j.cached, j.progress,
    j.progress_message, j.attempt, j.lease_owner, j.cancel_requested, j.result, j.delivered_at,
    j.error_code, j.error_message, j.version, j.created_at, j.updated_at, j.started_at,
    j.completed_at, j.deleted_at;

-- name: extend_asset_lease^
-- Keep a lease; nothing when it is another's or the job has ended.
update slate_asset_jobs set
    lease_until = now() + make_interval(secs => :lease_s::double precision)
where id = :id and attempt = :attempt and lease_owner = :owner and status = 'processing'
returning id, project_id, user_id, batch_id, kind, path, inputs, options, key, worker_key, out_dir,
    priority, time_limit_s, forced, envelope, status, cached, progress, progress_message, attempt, lease_owner,
    cancel_requested, result, delivered_at, error_code, error_message, version, created_at,
    updated_at, started_at, completed_at, deleted_at;

-- name: release_asset_lease!
-- Let another worker take the job at once.
update slate_asset_jobs set lease_until = now() - interval '1 millisecond'
where id = :id and attempt = :attempt and lease_owner = :owner and status = 'processing';

-- name: list_cancelled_asset_leases
-- Jobs of a worker that are to end.
select id from slate_asset_jobs
where lease_owner = :owner and status = 'processing' and cancel_requested;

-- name: note_asset_progress!
-- Progress of an attempt; the trigger lets it rise only.
update slate_asset_jobs set progress = greatest(progress, :progress::smallint),
    progress_message = :message
where id = :id and attempt = :attempt and lease_owner = :owner and status = 'processing';

-- name: note_asset_key^
-- The key that a worker found with what it really has.
update slate_asset_jobs set worker_key = :key
where id = :id and attempt = :attempt and lease_owner = :owner and status = 'processing'
returning id;

-- name: finish_asset_job^
-- The end of an attempt that still has its lease.
update slate_asset_jobs set
    status = :status, key = coalesce(worker_key, key), cached = :cached, result = :result,
    error_code = :error_code, error_message = :error_message, progress_message = null
where id = :id and attempt = :attempt and lease_owner = :owner and status = 'processing'
returning id, project_id, user_id, batch_id, kind, path, inputs, options, key, worker_key, out_dir,
    priority, time_limit_s, forced, envelope, status, cached, progress, progress_message, attempt, lease_owner,
    cancel_requested, result, delivered_at, error_code, error_message, version, created_at,
    updated_at, started_at, completed_at, deleted_at;

-- name: insert_asset_product!
-- A file that an attempt made.
insert into slate_asset_products (job_id, attempt, role, name, format, size, sha256, object)
values (:job_id, :attempt, :role, :name, :format, :size, :sha256, :object);

-- name: upsert_asset_result!
-- What a key gave; a success is not replaced by a failure.
insert into slate_asset_results (key, kind, status, result, error_code, error_message)
values (:key, :kind, :status, :result, :error_code, :error_message)
on conflict (key) do update set status = excluded.status, result = excluded.result,
    error_code = excluded.error_code, error_message = excluded.error_message
where slate_asset_results.status = 'failed' or excluded.status = 'completed';

-- name: get_asset_result^
-- What a key gave.
select key, kind, status, result, error_code, error_message
from slate_asset_results where key = :key;

-- name: get_asset_results
-- What several keys gave.
select key, kind, status, result, error_code, error_message
from slate_asset_results where key = any(:keys::text[]);

-- name: get_finished_asset_job^
-- The row when this attempt's own end is what it holds.
select id, project_id, user_id, batch_id, kind, path, inputs, options, key, worker_key, out_dir,
    priority, time_limit_s, forced, envelope, status, cached, progress, progress_message, attempt, lease_owner,
    cancel_requested, result, delivered_at, error_code, error_message, version, created_at,
    updated_at, started_at, completed_at, deleted_at
from slate_asset_jobs
where id = :id and attempt = :attempt and lease_owner = :owner
    and status in ('completed', 'failed', 'cancelled');

-- name: refuse_asset_job^
-- Fail a job that nobody may work on.
update slate_asset_jobs set status = 'failed', error_code = :error_code,
    error_message = :error_message
where id = :id and status = 'queued'
returning id, project_id, user_id, batch_id, kind, path, inputs, options, key, worker_key, out_dir,
    priority, time_limit_s, forced, envelope, status, cached, progress, progress_message, attempt, lease_owner,
    cancel_requested, result, delivered_at, error_code, error_message, version, created_at,
    updated_at, started_at, completed_at, deleted_at;

-- name: cancel_asset_job^
-- End a job that nobody works on; tell the worker of a running one.
update slate_asset_jobs set
    cancel_requested = true,
    status = case when status = 'queued' or lease_until < now() then 'cancelled' else status end,
    error_code = case when status = 'queued' or lease_until < now() then 'cancelled' end,
    error_message = case when status = 'queued' or lease_until < now() then 'Cancelled.' end
where id = :id and status in ('queued', 'processing') and deleted_at is null
returning id, project_id, user_id, batch_id, kind, path, inputs, options, key, worker_key, out_dir,
    priority, time_limit_s, forced, envelope, status, cached, progress, progress_message, attempt, lease_owner,
    cancel_requested, result, delivered_at, error_code, error_message, version, created_at,
    updated_at, started_at, completed_at, deleted_at;

-- name: end_abandoned_asset_jobs
-- Jobs that were to end when their worker died.
update slate_asset_jobs set status = 'cancelled', error_code = 'cancelled',
    error_message = 'Cancelled.'
where status = 'processing' and cancel_requested and lease_until < now()
returning id, project_id, user_id, batch_id, kind, path, inputs, options, key, worker_key, out_dir,
    priority, time_limit_s, forced, envelope, status, cached, progress, progress_message, attempt, lease_owner,
    cancel_requested, result, delivered_at, error_code, error_message, version, created_at,
    updated_at, started_at, completed_at, deleted_at;

-- name: count_open_asset_jobs$
-- How many jobs of a type wait or run, and may be worked on.
select count(*) from slate_asset_jobs j join slate_projects p on p.id = j.project_id
where j.kind = :kind and j.deleted_at is null and p.deleted_at is null
    and j.status in ('queued', 'processing');

-- name: take_unpublished_asset_jobs
-- Jobs whose message may be lost; each goes to one agent, and not again for a while.
update slate_asset_jobs j set published_at = now(), publish_count = j.publish_count + 1
from (
    select c.id from slate_asset_jobs c join slate_projects p on p.id = c.project_id
    where c.kind = :kind and c.deleted_at is null and p.deleted_at is null
        and c.envelope is not null and not c.cancel_requested
        and ((c.status = 'queued' and coalesce(c.published_at, c.created_at)
                < now() - make_interval(secs => :queued_s::double precision))
            or (c.status = 'processing' and greatest(c.lease_until, c.published_at)
                < now() - make_interval(secs => :expired_s::double precision)))
    order by c.priority desc, c.created_at, c.id
    limit :limit for update of c skip locked
) lost
where j.id = lost.id
returning j.id, j.project_id, j.user_id, j.batch_id, j.kind, j.path, j.inputs, j.options, j.key,
    j.out_dir, j.priority, j.time_limit_s, j.forced, j.envelope, j.status, j.cached, j.progress,
    j.progress_message, j.attempt, j.lease_owner, j.cancel_requested, j.result, j.delivered_at,
    j.error_code, j.error_message, j.version, j.created_at, j.updated_at, j.started_at,
    j.completed_at, j.deleted_at, j.publish_count;

-- name: note_asset_delivery!
-- The products lie under their names in the project.
update slate_asset_jobs set delivered_at = now() where id = :id and delivered_at is null;

-- name: find_asset_twin^
-- Another asset whose products have, or will have, the names of an asset's; who came first keeps them.
select other.path, other.inputs -> 0 ->> 'path' is not null as is_in_project
from slate_asset_jobs other
where other.project_id = :project_id and other.kind = :kind and other.out_dir = :out_dir
    and other.path <> :path and other.deleted_at is null
    and other.status in ('queued', 'processing', 'completed')
    and lower(regexp_replace(other.path, '^.*/|\.[^./]*$', '', 'g')) = lower(:stem)
    and not exists (
        select from slate_asset_jobs own
        where own.project_id = :project_id and own.kind = :kind and own.out_dir = :out_dir
            and own.path = :path and own.deleted_at is null
            and own.status in ('queued', 'processing', 'completed')
            and own.created_at < other.created_at
    )
order by other.created_at limit 1;

-- name: list_undelivered_asset_jobs
-- Completed jobs whose products are not yet where they belong.
select id, project_id, user_id, batch_id, kind, path, inputs, options, key, worker_key, out_dir,
    priority, time_limit_s, forced, envelope, status, cached, progress, progress_message, attempt, lease_owner,
    cancel_requested, result, delivered_at, error_code, error_message, version, created_at,
    updated_at, started_at, completed_at, deleted_at
from slate_asset_jobs
where status = 'completed' and out_dir is not null and delivered_at is null
    and completed_at < now() - make_interval(secs => :older_than_s::double precision)
    and completed_at > now() - interval '7 days' and deleted_at is null
    and not (id = any(:but::text[]))
order by completed_at limit :limit;
