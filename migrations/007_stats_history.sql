-- History of figures in three steps (1 s, 10 s, 1 min), with disk, processes and GPU.

alter table slate_runtime_stats
    add column step_s smallint not null default 10 check (step_s in (1, 10, 60)),
    add column cpu_percent_min double precision,
    add column memory_usage_min bigint,
    add column memory_peak bigint not null default 0,
    add column disk_read_bytes bigint not null default 0,
    add column disk_write_bytes bigint not null default 0,
    add column pids integer not null default 0,
    add column gpu_percent double precision,
    add column gpu_memory bigint;
update slate_runtime_stats
    set cpu_percent_min = cpu_percent, memory_usage_min = memory_usage;
alter table slate_runtime_stats
    alter column cpu_percent_min set not null,
    alter column memory_usage_min set not null,
    alter column step_s drop default,
    drop constraint slate_runtime_stats_pkey,
    add primary key (session_id, step_s, bucket);

-- What was kept before is kept as minutes, too: figures of 10 s are dropped after a day.
insert into slate_runtime_stats (session_id, step_s, bucket, samples, cpu_percent, cpu_percent_min,
    cpu_percent_max, memory_usage, memory_usage_min, memory_usage_max, memory_limit,
    network_rx_bytes, network_tx_bytes)
select session_id, 60, date_bin('1 minute', bucket, 'epoch'), sum(samples),
    sum(cpu_percent * samples) / sum(samples), min(cpu_percent_min), max(cpu_percent_max),
    sum(memory_usage * samples) / sum(samples), min(memory_usage_min), max(memory_usage_max),
    max(memory_limit), max(network_rx_bytes), max(network_tx_bytes)
from slate_runtime_stats
where deleted_at is null
group by session_id, date_bin('1 minute', bucket, 'epoch');

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_agent') then
        grant delete on slate_runtime_stats to slate_agent;
    end if;
end $$;
