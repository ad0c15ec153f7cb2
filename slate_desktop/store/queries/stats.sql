-- name: add_stats!
-- Store points of sessions; one of the same span, from a restarted agent, is merged.
insert into slate_runtime_stats as s (session_id, step_s, bucket, samples, cpu_percent,
    cpu_percent_min, cpu_percent_max, memory_usage, memory_usage_min, memory_usage_max,
    memory_limit, memory_peak, network_rx_bytes, network_tx_bytes, disk_read_bytes,
    disk_write_bytes, pids, gpu_percent, gpu_memory)
select p.session_id, p.step_s, to_timestamp(p.at_s), p.samples, p.cpu_percent, p.cpu_percent_min,
    p.cpu_percent_max, p.memory_usage, p.memory_usage_min, p.memory_usage_max, p.memory_limit,
    p.memory_peak, p.network_rx_bytes, p.network_tx_bytes, p.disk_read_bytes,
    p.disk_write_bytes, p.pids, p.gpu_percent, p.gpu_memory
from jsonb_to_recordset(:points::text::jsonb) as p (session_id text, step_s smallint, at_s bigint, samples integer,
    cpu_percent double precision, cpu_percent_min double precision,
    cpu_percent_max double precision, memory_usage bigint, memory_usage_min bigint,
    memory_usage_max bigint, memory_limit bigint, memory_peak bigint, network_rx_bytes bigint,
    network_tx_bytes bigint, disk_read_bytes bigint, disk_write_bytes bigint, pids integer,
    gpu_percent double precision, gpu_memory bigint)
on conflict (session_id, step_s, bucket) do update set
    samples = s.samples + excluded.samples,
    cpu_percent = (s.cpu_percent * s.samples + excluded.cpu_percent * excluded.samples)
        / (s.samples + excluded.samples),
    cpu_percent_min = least(s.cpu_percent_min, excluded.cpu_percent_min),
    cpu_percent_max = greatest(s.cpu_percent_max, excluded.cpu_percent_max),
    memory_usage = (s.memory_usage * s.samples + excluded.memory_usage * excluded.samples)
        / (s.samples + excluded.samples),
    memory_usage_min = least(s.memory_usage_min, excluded.memory_usage_min),
    memory_usage_max = greatest(s.memory_usage_max, excluded.memory_usage_max),
    memory_limit = excluded.memory_limit,
    memory_peak = greatest(s.memory_peak, excluded.memory_peak),
    network_rx_bytes = excluded.network_rx_bytes,
    network_tx_bytes = excluded.network_tx_bytes,
    disk_read_bytes = excluded.disk_read_bytes,
    disk_write_bytes = excluded.disk_write_bytes,
    pids = greatest(s.pids, excluded.pids),
    gpu_percent = coalesce(excluded.gpu_percent, s.gpu_percent),
    gpu_memory = greatest(s.gpu_memory, excluded.gpu_memory);

-- name: list_stats
-- Points of one step of a session in a span, as at most so many wider points, oldest first.
select extract(epoch from date_bin(make_interval(secs => :width_s), bucket, 'epoch'))::bigint as at_s,
    sum(samples)::integer as samples,
    sum(cpu_percent * samples) / sum(samples) as cpu_percent,
    min(cpu_percent_min) as cpu_percent_min, max(cpu_percent_max) as cpu_percent_max,
    (sum(memory_usage::double precision * samples) / sum(samples))::bigint as memory_usage,
    min(memory_usage_min) as memory_usage_min, max(memory_usage_max) as memory_usage_max,
    max(memory_limit) as memory_limit, max(memory_peak) as memory_peak,
    max(network_rx_bytes) as network_rx_bytes, max(network_tx_bytes) as network_tx_bytes,
    max(disk_read_bytes) as disk_read_bytes, max(disk_write_bytes) as disk_write_bytes,
    max(pids) as pids, avg(gpu_percent) as gpu_percent, max(gpu_memory) as gpu_memory
from slate_runtime_stats
where session_id = :session_id and step_s = :step_s and bucket >= :start and bucket < :end
    and deleted_at is null
group by 1
order by 1
limit :limit;

-- name: prune_stats!
-- Drop points of one step that are older than they are kept, session by session along the key.
delete from slate_runtime_stats s using slate_runtime_sessions r
where s.session_id = r.id and s.step_s = :step_s
    and s.bucket < now() - make_interval(secs => :kept_s);
