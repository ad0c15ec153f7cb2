-- name: insert_session^
-- A person's wish to run a project.
insert into slate_runtime_sessions
    (id, project_id, user_id, runtime_type, container_config, driver)
values (:id, :project_id, :user_id, :runtime_type, :container_config, :driver)
returning id, project_id, user_id, runtime_type, status, container_config, driver, desired, version,
    attempt, agent_id, agent_epoch, container_id, container_name, image_digest, exit_code,
    oom_killed, error_code, error_message, log_complete, created_at, updated_at, started_at,
    stopped_at, deleted_at;

-- name: get_session^
-- A session that was not removed.
select id, project_id, user_id, runtime_type, status, container_config, driver, desired, version,
    attempt, agent_id, agent_epoch, container_id, container_name, image_digest, exit_code,
    oom_killed, error_code, error_message, log_complete, created_at, updated_at, started_at,
    stopped_at, deleted_at
from slate_runtime_sessions where id = :id and deleted_at is null;

-- name: find_sessions
-- Sessions whose id begins with a text, newest first.
select id, project_id, user_id, runtime_type, status, container_config, driver, desired, version,
    attempt, agent_id, agent_epoch, container_id, container_name, image_digest, exit_code,
    oom_killed, error_code, error_message, log_complete, created_at, updated_at, started_at,
    stopped_at, deleted_at
from slate_runtime_sessions where starts_with(id, :prefix) and deleted_at is null
order by created_at desc, id desc limit :limit;

-- name: list_sessions
-- Sessions, newest first, beyond the last one of the page before.
select id, project_id, user_id, runtime_type, status, container_config, driver, desired, version,
    attempt, agent_id, agent_epoch, container_id, container_name, image_digest, exit_code,
    oom_killed, error_code, error_message, log_complete, created_at, updated_at, started_at,
    stopped_at, deleted_at
from slate_runtime_sessions
where deleted_at is null
    and (:project_id::text is null or project_id = :project_id)
    and (:statuses::text[] is null or status = any(:statuses))
    and (:before_time::timestamptz is null
        or (created_at, id) < (:before_time, :before_id::text))
    and (:member::text is null or project_id in (
        select m.project_id from slate_project_members m
        where m.user_id = :member and m.deleted_at is null))
order by created_at desc, id desc limit :limit;

-- name: active_sessions
-- Sessions that are not over, oldest first.
select id, project_id, user_id, runtime_type, status, container_config, driver, desired, version,
    attempt, agent_id, agent_epoch, container_id, container_name, image_digest, exit_code,
    oom_killed, error_code, error_message, log_complete, created_at, updated_at, started_at,
    stopped_at, deleted_at
from slate_runtime_sessions
where deleted_at is null
    and status in ('creating', 'starting', 'running', 'stopping', 'lost')
    and (:project_id::text is null or project_id = :project_id)
order by created_at, id limit 1000;

-- name: count_live_sessions$
-- How many sessions have, or may have, a runtime.
select count(*) from slate_runtime_sessions
where deleted_at is null and status in ('starting', 'running', 'stopping', 'lost');

-- name: update_session_config^
-- Replace the configuration; the trigger refuses it while a runtime may exist.
update slate_runtime_sessions
set container_config = :container_config, driver = coalesce(:driver, driver)
where id = :id and deleted_at is null and (:version::bigint is null or version = :version)
returning id, project_id, user_id, runtime_type, status, container_config, driver, desired, version,
    attempt, agent_id, agent_epoch, container_id, container_name, image_digest, exit_code,
    oom_killed, error_code, error_message, log_complete, created_at, updated_at, started_at,
    stopped_at, deleted_at;

-- name: delete_session$
-- Soft-delete a session; the trigger refuses it while a runtime may exist.
update slate_runtime_sessions set deleted_at = now()
where id = :id and deleted_at is null
returning id;

-- name: agent_sessions
-- Sessions that an agent owns: those that may have a runtime or a log to finish, and recent ones.
select id, project_id, user_id, runtime_type, status, container_config, driver, desired, version,
    attempt, agent_id, agent_epoch, container_id, container_name, image_digest, exit_code,
    oom_killed, error_code, error_message, log_complete, created_at, updated_at, started_at,
    stopped_at, deleted_at
from slate_runtime_sessions
where agent_id = :agent_id and (:statuses::text[] is null or status = any(:statuses))
    and (status in ('starting', 'running', 'stopping', 'lost')
        or updated_at > now() - interval '1 day'
        or (not log_complete and updated_at > now() - interval '30 days'))
order by created_at, id;

-- name: claim_session^
-- The next attempt begins on an agent; the version fences everybody else.
update slate_runtime_sessions set
    status = 'starting', desired = 'running', attempt = attempt + 1,
    agent_id = :agent_id, agent_epoch = :epoch, driver = :driver,
    container_name = :container_name,
    container_config = coalesce(:container_config::jsonb, container_config),
    held_memory = :held_memory::bigint, held_cpus = :held_cpus::double precision,
    container_id = null, image_digest = null, exit_code = null, oom_killed = false,
    error_code = null, error_message = null, log_complete = false
where id = :id and deleted_at is null and version = :version
    and status in ('creating', 'stopped', 'failed', 'lost', 'stopping')
returning id, project_id, user_id, runtime_type, status, container_config, driver, desired, version,
    attempt, agent_id, agent_epoch, container_id, container_name, image_digest, exit_code,
    oom_killed, error_code, error_message, log_complete, created_at, updated_at, started_at,
    stopped_at, deleted_at;

-- name: move_session^
-- The recorder's write: only for the attempt and epoch that it owns, and only a legal move.
update slate_runtime_sessions set
    status = :status,
    desired = coalesce(:desired, desired),
    container_id = coalesce(:container_id, container_id),
    image_digest = coalesce(:image_digest, image_digest),
    exit_code = coalesce(:exit_code::integer, exit_code),
    oom_killed = coalesce(:oom_killed::boolean, oom_killed),
    error_code = coalesce(:error_code, error_code),
    error_message = coalesce(:error_message, error_message),
    log_complete = coalesce(:log_complete::boolean, log_complete),
    started_at = coalesce(:started_at::timestamptz, started_at),
    stopped_at = coalesce(:stopped_at::timestamptz, stopped_at)
where id = :id and attempt = :attempt and agent_epoch = :epoch
    and slate_session_move_is_legal(status, :status)
returning id, project_id, user_id, runtime_type, status, container_config, driver, desired, version,
    attempt, agent_id, agent_epoch, container_id, container_name, image_digest, exit_code,
    oom_killed, error_code, error_message, log_complete, created_at, updated_at, started_at,
    stopped_at, deleted_at;

-- name: hold_limits^
-- What a live session's container may take from now on.
update slate_runtime_sessions set
    held_memory = :held_memory::bigint, held_cpus = :held_cpus::double precision
where id = :id and attempt = :attempt and agent_epoch = :epoch
    and status in ('starting', 'running', 'stopping')
returning id;

-- name: stop_unstarted^
-- A session that nobody started is not to start.
update slate_runtime_sessions set status = 'stopped', desired = 'stopped'
where id = :id and version = :version and status = 'creating' and deleted_at is null
returning id, project_id, user_id, runtime_type, status, container_config, driver, desired, version,
    attempt, agent_id, agent_epoch, container_id, container_name, image_digest, exit_code,
    oom_killed, error_code, error_message, log_complete, created_at, updated_at, started_at,
    stopped_at, deleted_at;

-- name: adopt_session^
-- The owner is back with a new epoch: an older process of it cannot write any more.
update slate_runtime_sessions set
    agent_epoch = :epoch,
    -- A stop that was accepted before the session was lost is carried out, not forgotten.
    status = case when status <> 'lost' then status
        when desired = 'stopped' and attempt > 0 then 'stopping' else 'running' end
where id = :id and agent_id = :agent_id and agent_epoch = :old_epoch and :epoch >= :old_epoch
returning id, project_id, user_id, runtime_type, status, container_config, driver, desired, version,
    attempt, agent_id, agent_epoch, container_id, container_name, image_digest, exit_code,
    oom_killed, error_code, error_message, log_complete, created_at, updated_at, started_at,
    stopped_at, deleted_at;

-- name: fail_unclaimed
-- Sessions that no agent took in time.
update slate_runtime_sessions set
    status = 'failed', error_code = 'no_agent',
    error_message = 'no agent took the session in time'
where status = 'creating' and deleted_at is null
    and created_at < now() - make_interval(secs => :older_than_s::double precision)
returning id, project_id, user_id, runtime_type, status, container_config, driver, desired, version,
    attempt, agent_id, agent_epoch, container_id, container_name, image_digest, exit_code,
    oom_killed, error_code, error_message, log_complete, created_at, updated_at, started_at,
    stopped_at, deleted_at;

-- name: lose_orphaned
-- Live sessions whose agent, another one, was not seen for long by the database's clock.
update slate_runtime_sessions s set status = 'lost'
from slate_agents a
where a.id = s.agent_id and a.epoch >= s.agent_epoch and s.agent_id <> :agent_id
    and s.status in ('starting', 'running', 'stopping') and s.deleted_at is null
    and a.last_seen < now() - make_interval(secs => :unseen_s::double precision)
returning s.id, s.project_id, s.user_id, s.runtime_type, s.status, s.container_config,
    s.driver, s.desired, s.version, s.attempt, s.agent_id, s.agent_epoch,
    s.container_id, s.container_name, s.image_digest, s.exit_code, s.oom_killed, s.error_code,
    s.error_message, s.log_complete, s.created_at, s.updated_at, s.started_at, s.stopped_at,
    s.deleted_at;
