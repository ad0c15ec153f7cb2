-- name: list_quotas
-- What is set for a project or a person; a row without limits is what was taken away.
select scope, subject_id, level, sessions, memory_bytes, cpus, builds, disk_bytes, bandwidth_bits,
    set_by
from slate_quotas where scope = :scope and subject_id = :subject_id
    and num_nonnulls(sessions, memory_bytes, cpus, builds, disk_bytes, bandwidth_bits) > 0
order by level;

-- name: set_quota!
-- All limits of one level at once.
insert into slate_quotas (scope, subject_id, level, sessions, memory_bytes, cpus, builds, disk_bytes,
    bandwidth_bits)
values (:scope, :subject_id, :level, :sessions, :memory_bytes, :cpus, :builds, :disk_bytes,
    :bandwidth_bits)
on conflict (scope, subject_id, level) do update set
    sessions = excluded.sessions, memory_bytes = excluded.memory_bytes, cpus = excluded.cpus,
    builds = excluded.builds, disk_bytes = excluded.disk_bytes,
    bandwidth_bits = excluded.bandwidth_bits;

-- name: most_bandwidth$
-- What one container of a person in a project may send and receive; null for no limit.
select min(bandwidth_bits) from slate_quotas
where (scope = 'project' and subject_id = :project_id)
    or (scope = 'person' and subject_id = :user_id);

-- name: quota_state^
-- What a project or a person takes now.
select sessions, memory_bytes, cpus, builds, disk_bytes
from slate_quota_state(:scope, :subject_id);

-- name: build_waits_for$
-- Which quota keeps a queued build waiting; null for none.
select slate_build_waits_for(:id);
