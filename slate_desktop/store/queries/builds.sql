-- Build jobs: intents from people, fenced writes of workers.

-- name: insert_build^
-- A person's wish to build; with an envelope it is for the workers.
insert into slate_build_jobs
    (id, project_id, user_id, build_type, target_platform, source_commit, options, engine,
    engine_version, priority, needs, licence, envelope)
values (:id, :project_id, :user_id, :build_type, :target_platform, :source_commit, :options,
    :engine, :engine_version, :priority, :needs, :licence, :envelope)
returning
    id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at, engine, engine_version, driver,
    priority, queue_position, needs, licence, envelope, attempt, lease_owner, cancel_requested,
    verdict, witness, verdict_reason, errors, warnings, error_count, warning_count, source,
    commands, notes;

-- name: submit_build^
-- Hand a queued build to the workers; once.
update slate_build_jobs set options = :options, engine = :engine,
    engine_version = :engine_version, priority = :priority, needs = :needs, licence = :licence,
    envelope = :envelope
where id = :id and status = 'queued' and envelope is null and deleted_at is null
returning
    id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at, engine, engine_version, driver,
    priority, queue_position, needs, licence, envelope, attempt, lease_owner, cancel_requested,
    verdict, witness, verdict_reason, errors, warnings, error_count, warning_count, source,
    commands, notes;

-- name: get_build^
-- A build that was not removed.
select
    id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at, engine, engine_version, driver,
    priority, queue_position, needs, licence, envelope, attempt, lease_owner, cancel_requested,
    verdict, witness, verdict_reason, errors, warnings, error_count, warning_count, source,
    commands, notes
from slate_build_jobs where id = :id and deleted_at is null;

-- name: get_open_build^
-- A build as workers see it: a removed project's is not there.
select
    j.id, j.project_id, j.user_id, j.build_type, j.target_platform, j.status, j.progress,
    j.progress_message, j.source_commit, j.options, j.output_path, j.artifacts, j.error_code,
    j.error_message, j.version, j.created_at, j.updated_at, j.started_at, j.completed_at,
    j.deleted_at, j.engine, j.engine_version, j.driver, j.priority, j.queue_position, j.needs,
    j.licence, j.envelope, j.attempt, j.lease_owner, j.cancel_requested, j.verdict, j.witness,
    j.verdict_reason, j.errors, j.warnings, j.error_count, j.warning_count, j.source, j.commands,
    j.notes
from slate_build_jobs j join slate_projects p on p.id = j.project_id
where j.id = :id and j.deleted_at is null and p.deleted_at is null;

-- name: list_builds
-- Builds, newest first, beyond the last one of the page before.
select
    id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at, engine, engine_version, driver,
    priority, queue_position, needs, licence, envelope, attempt, lease_owner, cancel_requested,
    verdict, witness, verdict_reason, errors, warnings, error_count, warning_count, source,
    commands, notes
from slate_build_jobs
where deleted_at is null
    and (:project_id::text is null or project_id = :project_id)
    and (:statuses::text[] is null or status = any(:statuses))
    and (:platform::text is null or target_platform = :platform)
    and (:build_type::text is null or build_type = :build_type)
    and (:before_time::timestamptz is null
        or (created_at, id) < (:before_time, :before_id::text))
order by created_at desc, id desc limit :limit;

-- name: active_builds
-- Builds that are queued or building, oldest first.
select
    id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at, engine, engine_version, driver,
    priority, queue_position, needs, licence, envelope, attempt, lease_owner, cancel_requested,
    verdict, witness, verdict_reason, errors, warnings, error_count, warning_count, source,
    commands, notes
from slate_build_jobs
where deleted_at is null and status in ('queued', 'building')
    and (:project_id::text is null or project_id = :project_id)
order by created_at, id limit 1000;

-- name: queued_builds
-- Builds that wait for a worker, in the order in which they are taken.
select
    id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at, engine, engine_version, driver,
    priority, queue_position, needs, licence, envelope, attempt, lease_owner, cancel_requested,
    verdict, witness, verdict_reason, errors, warnings, error_count, warning_count, source,
    commands, notes
from slate_build_jobs
where deleted_at is null and status = 'queued' and envelope is not null
order by priority desc, queue_position, id limit 1000;

-- name: update_build^
-- Change what is given of a build that no worker has; the trigger keeps moves legal.
update slate_build_jobs set
    status = coalesce(:status, status),
    progress = coalesce(:progress::integer, progress),
    progress_message = coalesce(:progress_message, progress_message),
    output_path = coalesce(:output_path, output_path),
    artifacts = coalesce(:artifacts::jsonb, artifacts),
    error_code = coalesce(:error_code, error_code),
    error_message = coalesce(:error_message, error_message)
where id = :id and deleted_at is null and status in ('queued', 'building') and envelope is null
    and (:version::bigint is null or version = :version)
returning
    id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at, engine, engine_version, driver,
    priority, queue_position, needs, licence, envelope, attempt, lease_owner, cancel_requested,
    verdict, witness, verdict_reason, errors, warnings, error_count, warning_count, source,
    commands, notes;

-- name: set_build_priority^
-- Move a build that waits.
update slate_build_jobs set priority = :priority
where id = :id and deleted_at is null and status = 'queued'
returning
    id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at, engine, engine_version, driver,
    priority, queue_position, needs, licence, envelope, attempt, lease_owner, cancel_requested,
    verdict, witness, verdict_reason, errors, warnings, error_count, warning_count, source,
    commands, notes;

-- name: move_build^
-- Put a waiting build before or after another one; without one, before or after all.
with queue as (
    select id, priority, queue_position,
        row_number() over (order by priority desc, queue_position, id) as place
    from slate_build_jobs
    where deleted_at is null and status = 'queued' and envelope is not null and id <> :id
), anchor as (
    select priority, place + case when :is_after::boolean then 1 else 0 end as place from queue
    where case when :other::text is not null then id = :other
        when :is_after then place = (select max(place) from queue) else place = 1 end
), slot as (
    select anchor.priority, earlier.queue_position as low, later.queue_position as high
    from anchor
    left join queue earlier
        on earlier.place = anchor.place - 1 and earlier.priority = anchor.priority
    left join queue later on later.place = anchor.place and later.priority = anchor.priority
)
update slate_build_jobs j set priority = slot.priority,
    queue_position = case when slot.low is null then slot.high - 1
        when slot.high is null then slot.low + 1 else (slot.low + slot.high) * 0.5 end
from slot
where j.id = :id and j.deleted_at is null and j.status = 'queued' and j.envelope is not null
returning
    j.id, j.project_id, j.user_id, j.build_type, j.target_platform, j.status, j.progress,
    j.progress_message, j.source_commit, j.options, j.output_path, j.artifacts, j.error_code,
    j.error_message, j.version, j.created_at, j.updated_at, j.started_at, j.completed_at,
    j.deleted_at, j.engine, j.engine_version, j.driver, j.priority, j.queue_position, j.needs,
    j.licence, j.envelope, j.attempt, j.lease_owner, j.cancel_requested, j.verdict, j.witness,
    j.verdict_reason, j.errors, j.warnings, j.error_count, j.warning_count, j.source, j.commands,
    j.notes;

-- name: delete_build$
-- Soft-delete a build; the trigger refuses it while it is active.
update slate_build_jobs set deleted_at = now()
where id = :id and deleted_at is null
returning id;

-- name: claim_build^
-- Take the most urgent build of a platform that this worker can do, with a seat where it needs one.
update slate_build_jobs j set
    status = 'building', attempt = j.attempt + 1, lease_owner = :owner,
    lease_until = now() + make_interval(secs => :lease_s::double precision),
    licence_seat = next.seat
from (
    select c.id, coalesce(c.licence_seat, free.seat) as seat
    from slate_build_jobs c join slate_projects p on p.id = c.project_id
    left join lateral (
        select s.seat from generate_series(1,
            coalesce((:licences::jsonb ->> c.licence)::integer, 0)) as s (seat)
        where not exists (select 1 from slate_build_jobs o
            where o.licence = c.licence and o.licence_seat = s.seat and o.status = 'building')
        order by s.seat limit 1
    ) free on true
    where c.target_platform = :platform and c.deleted_at is null and p.deleted_at is null
        and c.envelope is not null and not c.cancel_requested
        and (c.status = 'queued' or (c.status = 'building' and c.lease_until < now()))
        and (c.needs -> 'systems' is null or c.needs -> 'systems' ? :system)
        and (c.needs ->> 'capability' is null
            or c.needs ->> 'capability' = any(:capabilities::text[]))
        and (c.needs ->> 'driver' is null or c.needs ->> 'driver' = any(:drivers::text[]))
        -- No build asks for more than the host has; the agent's other builds hold theirs too.
        and (c.needs -> 'memory_bytes' is null or :memory_bytes::bigint is null
            or least((c.needs ->> 'memory_bytes')::bigint, :memory_bytes) <= :memory_bytes
                - :held_bytes::bigint - (
                    select coalesce(sum((o.needs ->> 'memory_bytes')::bigint), 0)
                    from slate_build_jobs o where o.status = 'building'
                        and o.lease_until >= now() and starts_with(o.lease_owner, :agent || '.')))
        and (c.licence is null or c.licence_seat is not null or free.seat is not null)
        and (c.status = 'building' or slate_build_waits_for(c.id) is null)
    order by (c.status = 'building') desc, c.priority desc, c.queue_position, c.id
    limit 1 for update of c skip locked
) next
where j.id = next.id
returning
    j.id, j.project_id, j.user_id, j.build_type, j.target_platform, j.status, j.progress,
    j.progress_message, j.source_commit, j.options, j.output_path, j.artifacts, j.error_code,
    j.error_message, j.version, j.created_at, j.updated_at, j.started_at, j.completed_at,
    j.deleted_at, j.engine, j.engine_version, j.driver, j.priority, j.queue_position, j.needs,
    j.licence, j.envelope, j.attempt, j.lease_owner, j.cancel_requested, j.verdict, j.witness,
    j.verdict_reason, j.errors, j.warnings, j.error_count, j.warning_count, j.source, j.commands,
    j.notes;

-- name: free_expired_seats!
-- A seat is held as long as the lease; who extends a lease too late has lost its seat with it.
update slate_build_jobs set licence_seat = null
where status = 'building' and licence_seat is not null and lease_until < now();

-- name: seated_builds
-- Builds that hold a seat of a licence.
select id from slate_build_jobs
where status = 'building' and licence_seat is not null and lease_until >= now();

-- name: release_earlier_builds
-- Let anybody take what earlier processes of an agent had, each with a message of its own.
update slate_build_jobs j set
    lease_until = now() - interval '1 millisecond', licence_seat = null, published_at = now(),
    publish_count = j.publish_count + 1
where j.status = 'building' and j.lease_owner <> :owner
    and starts_with(j.lease_owner, :agent || '.')
returning j.publish_count,
    j.id, j.project_id, j.user_id, j.build_type, j.target_platform, j.status, j.progress,
    j.progress_message, j.source_commit, j.options, j.output_path, j.artifacts, j.error_code,
    j.error_message, j.version, j.created_at, j.updated_at, j.started_at, j.completed_at,
    j.deleted_at, j.engine, j.engine_version, j.driver, j.priority, j.queue_position, j.needs,
    j.licence, j.envelope, j.attempt, j.lease_owner, j.cancel_requested, j.verdict, j.witness,
    j.verdict_reason, j.errors, j.warnings, j.error_count, j.warning_count, j.source, j.commands,
    j.notes;

-- name: extend_build_lease^
-- Keep a lease; nothing when it is another's, its seat is gone, or the build has ended.
update slate_build_jobs set
    lease_until = now() + make_interval(secs => :lease_s::double precision)
where id = :id and attempt = :attempt and lease_owner = :owner and status = 'building'
    and (licence is null or licence_seat is not null)
returning
    id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at, engine, engine_version, driver,
    priority, queue_position, needs, licence, envelope, attempt, lease_owner, cancel_requested,
    verdict, witness, verdict_reason, errors, warnings, error_count, warning_count, source,
    commands, notes;

-- name: release_build_lease!
-- Let another worker take the build at once.
update slate_build_jobs set lease_until = now() - interval '1 millisecond', licence_seat = null
where id = :id and attempt = :attempt and lease_owner = :owner and status = 'building';

-- name: list_cancelled_build_leases
-- Builds of a worker that are to end.
select id from slate_build_jobs
where lease_owner = :owner and status = 'building' and cancel_requested;

-- name: list_build_leases
-- Builds that an agent's workers hold, of any of its processes.
select id, attempt, lease_owner, (lease_until > now()) as is_live from slate_build_jobs
where status = 'building' and lease_owner is not null;

-- name: note_build_progress!
-- Progress of an attempt; the trigger lets it rise only.
update slate_build_jobs set progress = greatest(progress, :progress::smallint),
    progress_message = :message
where id = :id and attempt = :attempt and lease_owner = :owner and status = 'building';

-- name: note_build_start^
-- What a worker found out before it began: the engine, the sources, the commands, the memory.
update slate_build_jobs set driver = :driver, engine_version = :engine_version,
    source = :source, commands = :commands, notes = :notes,
    needs = case when :memory_bytes::bigint > coalesce((needs ->> 'memory_bytes')::bigint, 0)
        then jsonb_set(needs, '{memory_bytes}', to_jsonb(:memory_bytes::bigint)) else needs end
where id = :id and attempt = :attempt and lease_owner = :owner and status = 'building'
returning id;

-- name: finish_build^
-- The end of an attempt that still has its lease.
update slate_build_jobs set
    status = :status, progress_message = null, output_path = :output_path,
    artifacts = :artifacts, error_code = :error_code, error_message = :error_message,
    verdict = :verdict, witness = :witness, verdict_reason = :verdict_reason, errors = :errors,
    warnings = :warnings, error_count = :error_count, warning_count = :warning_count,
    licence_seat = null
where id = :id and attempt = :attempt and lease_owner = :owner and status = 'building'
returning
    id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at, engine, engine_version, driver,
    priority, queue_position, needs, licence, envelope, attempt, lease_owner, cancel_requested,
    verdict, witness, verdict_reason, errors, warnings, error_count, warning_count, source,
    commands, notes;

-- name: insert_build_artifact!
-- A file that an attempt made.
insert into slate_build_artifacts
    (build_id, attempt, path, name, size, sha256, object, is_executable, is_main)
values (:build_id, :attempt, :path, :name, :size, :sha256, :object, :is_executable, :is_main);

-- name: list_build_artifacts
-- The files of a build's newest attempt that made any, the main one first.
select build_id, attempt, path, name, size, sha256, object, is_executable, is_main
from slate_build_artifacts a
where build_id = :build_id and attempt = (
    select max(attempt) from slate_build_artifacts where build_id = :build_id)
order by is_main desc, path;

-- name: get_finished_build^
-- The row when this attempt's own end is what it holds.
select
    id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at, engine, engine_version, driver,
    priority, queue_position, needs, licence, envelope, attempt, lease_owner, cancel_requested,
    verdict, witness, verdict_reason, errors, warnings, error_count, warning_count, source,
    commands, notes
from slate_build_jobs
where id = :id and attempt = :attempt and lease_owner = :owner
    and status in ('completed', 'failed', 'cancelled');

-- name: refuse_build^
-- Fail a build that nobody may work on.
update slate_build_jobs set status = 'failed', error_code = :error_code,
    error_message = :error_message, verdict = 'failed', verdict_reason = :error_message
where id = :id and status = 'queued'
returning
    id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at, engine, engine_version, driver,
    priority, queue_position, needs, licence, envelope, attempt, lease_owner, cancel_requested,
    verdict, witness, verdict_reason, errors, warnings, error_count, warning_count, source,
    commands, notes;

-- name: cancel_build^
-- End a build that nobody works on; tell the worker of a running one.
update slate_build_jobs set
    cancel_requested = true,
    status = case when status = 'queued' or lease_until < now() then 'cancelled' else status end,
    error_code = case when status = 'queued' or lease_until < now() then 'cancelled' end,
    error_message = case when status = 'queued' or lease_until < now() then 'Cancelled.' end,
    licence_seat = case when status = 'queued' or lease_until < now() then null
        else licence_seat end
where id = :id and status in ('queued', 'building') and deleted_at is null
returning
    id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at, engine, engine_version, driver,
    priority, queue_position, needs, licence, envelope, attempt, lease_owner, cancel_requested,
    verdict, witness, verdict_reason, errors, warnings, error_count, warning_count, source,
    commands, notes;

-- name: end_abandoned_builds
-- Builds that were to end when their worker died.
update slate_build_jobs set status = 'cancelled', error_code = 'cancelled',
    error_message = 'Cancelled.', licence_seat = null
where status = 'building' and cancel_requested and lease_until < now()
returning
    id, project_id, user_id, build_type, target_platform, status, progress, progress_message,
    source_commit, options, output_path, artifacts, error_code, error_message, version,
    created_at, updated_at, started_at, completed_at, deleted_at, engine, engine_version, driver,
    priority, queue_position, needs, licence, envelope, attempt, lease_owner, cancel_requested,
    verdict, witness, verdict_reason, errors, warnings, error_count, warning_count, source,
    commands, notes;

-- name: count_open_builds$
-- How many builds of a platform wait for workers or run on them.
select count(*) from slate_build_jobs j join slate_projects p on p.id = j.project_id
where j.target_platform = :platform and j.envelope is not null and j.deleted_at is null
    and p.deleted_at is null and j.status in ('queued', 'building');

-- name: take_unpublished_builds
-- Builds whose message may be lost; each goes to one agent, and not again for a while.
update slate_build_jobs j set published_at = now(), publish_count = j.publish_count + 1
from (
    select c.id from slate_build_jobs c join slate_projects p on p.id = c.project_id
    where c.target_platform = :platform and c.deleted_at is null and p.deleted_at is null
        and c.envelope is not null and not c.cancel_requested
        and ((c.status = 'queued' and coalesce(c.published_at, c.created_at)
                < now() - make_interval(secs => :queued_s::double precision))
            or (c.status = 'building' and greatest(c.lease_until, c.published_at)
                < now() - make_interval(secs => :expired_s::double precision)))
    order by c.priority desc, c.queue_position, c.id
    limit :limit for update of c skip locked
) lost
where j.id = lost.id
returning j.publish_count,
    j.id, j.project_id, j.user_id, j.build_type, j.target_platform, j.status, j.progress,
    j.progress_message, j.source_commit, j.options, j.output_path, j.artifacts, j.error_code,
    j.error_message, j.version, j.created_at, j.updated_at, j.started_at, j.completed_at,
    j.deleted_at, j.engine, j.engine_version, j.driver, j.priority, j.queue_position, j.needs,
    j.licence, j.envelope, j.attempt, j.lease_owner, j.cancel_requested, j.verdict, j.witness,
    j.verdict_reason, j.errors, j.warnings, j.error_count, j.warning_count, j.source, j.commands,
    j.notes;

-- name: insert_build_logs!
-- Lines of an attempt that still has its lease; storing them again changes nothing.
insert into slate_build_logs (build_id, attempt, seq, step, stream, ts_ns, level, message)
select :build_id, :attempt, l.seq, l.step, l.stream, l.ts_ns, l.level, l.message
from unnest(:seqs::bigint[], :steps::text[], :streams::text[], :stamps::bigint[],
    :levels::text[], :messages::text[]) as l (seq, step, stream, ts_ns, level, message)
on conflict (build_id, attempt, seq) do nothing;

-- name: page_build_logs
-- Lines of an attempt after a number.
select seq, step, stream, ts_ns, level, message from slate_build_logs
where build_id = :build_id and attempt = :attempt and seq > :after
    and (:levels::text[] is null or level = any(:levels))
order by seq limit :limit;

-- name: tail_build_logs
-- The last lines of an attempt, newest first.
select seq, step, stream, ts_ns, level, message from slate_build_logs
where build_id = :build_id and attempt = :attempt
    and (:levels::text[] is null or level = any(:levels))
order by seq desc limit :limit;

-- name: build_durations
-- Seconds of the newest builds of a kind that are worth something.
select extract(epoch from completed_at - started_at)::double precision as seconds
from slate_build_jobs
where project_id = :project_id and target_platform = :platform and build_type = :build_type
    and status = 'completed' and deleted_at is null and started_at is not null
order by completed_at desc limit :limit;

-- name: build_statistics^
-- Counts of builds, and durations in seconds of the completed ones.
select count(*) as total,
    count(*) filter (where status = 'completed') as completed,
    count(*) filter (where status = 'failed') as failed,
    count(*) filter (where status = 'cancelled') as cancelled,
    count(*) filter (where status in ('queued', 'building')) as active,
    count(*) filter (where status = 'completed' and verdict = 'suspect') as suspect,
    avg(seconds) as mean_duration_s,
    percentile_cont(0.5) within group (order by seconds) as median_duration_s,
    percentile_cont(0.9) within group (order by seconds) as p90_duration_s
from (
    select status, verdict, case when status = 'completed'
        then extract(epoch from completed_at - started_at)::double precision end as seconds
    from slate_build_jobs
    where deleted_at is null and (:project_id::text is null or project_id = :project_id)
        and (:platform::text is null or target_platform = :platform)
        and (:build_type::text is null or build_type = :build_type)
        and (:since::timestamptz is null or created_at >= :since)
) builds;

-- name: build_statistics_by
-- The same for each platform and type.
select target_platform, build_type, count(*) as total,
    count(*) filter (where status = 'completed') as completed,
    count(*) filter (where status = 'failed') as failed,
    count(*) filter (where status = 'cancelled') as cancelled,
    count(*) filter (where status in ('queued', 'building')) as active,
    count(*) filter (where status = 'completed' and verdict = 'suspect') as suspect,
    avg(seconds) as mean_duration_s,
    percentile_cont(0.5) within group (order by seconds) as median_duration_s,
    percentile_cont(0.9) within group (order by seconds) as p90_duration_s
from (
    select target_platform, build_type, status, verdict, case when status = 'completed'
        then extract(epoch from completed_at - started_at)::double precision end as seconds
    from slate_build_jobs
    where deleted_at is null and (:project_id::text is null or project_id = :project_id)
        and (:since::timestamptz is null or created_at >= :since)
) builds
group by target_platform, build_type order by target_platform, build_type;

-- name: build_statistics_over_time
-- The same for each day on which builds ended, by UTC.
select day, count(*) as total,
    count(*) filter (where status = 'completed') as completed,
    count(*) filter (where status = 'failed') as failed,
    count(*) filter (where status = 'cancelled') as cancelled,
    count(*) filter (where status = 'completed' and verdict = 'suspect') as suspect,
    avg(seconds) as mean_duration_s,
    percentile_cont(0.5) within group (order by seconds) as median_duration_s,
    percentile_cont(0.9) within group (order by seconds) as p90_duration_s
from (
    select date_trunc('day', completed_at at time zone 'UTC') at time zone 'UTC' as day, status,
        verdict, case when status = 'completed'
        then extract(epoch from completed_at - started_at)::double precision end as seconds
    from slate_build_jobs
    where deleted_at is null and completed_at is not null
        and (:project_id::text is null or project_id = :project_id)
        and (:platform::text is null or target_platform = :platform)
        and (:build_type::text is null or build_type = :build_type)
        and (:since::timestamptz is null or completed_at >= :since)
) builds
group by day order by day;
