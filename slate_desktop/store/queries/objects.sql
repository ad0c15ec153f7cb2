-- name: list_named_objects
-- Every digest that a row names, in columns of its own and within results; trees with their size.
select t.sha256, t.size from slate_project_trees t where t.deleted_at is null
union all
select found.sha256, null from (
    select p.sha256 from slate_asset_products p
        join slate_asset_jobs j on j.id = p.job_id and j.deleted_at is null
    union select a.sha256 from slate_build_artifacts a
        join slate_build_jobs b on b.id = a.build_id and b.deleted_at is null
    union select m[1] from slate_asset_results,
        regexp_matches(result::text, '[0-9a-f]{64}', 'g') m
    union select m[1] from slate_asset_jobs j,
        regexp_matches(j.inputs::text || coalesce(j.result::text, ''), '[0-9a-f]{64}', 'g') m
        where j.deleted_at is null
    union select m[1] from slate_assets a, regexp_matches(a.metadata::text, '[0-9a-f]{64}', 'g') m
        where a.deleted_at is null
    union select m[1] from slate_build_jobs b,
        regexp_matches(b.artifacts::text, '[0-9a-f]{64}', 'g') m where b.deleted_at is null
) found(sha256);

-- name: forget_asset_results!
-- A job that comes now and takes one has a copy in its own row.
delete from slate_asset_results r
where r.updated_at < now() - make_interval(secs => :grace_s)
    and not exists (select from slate_asset_jobs j where j.key = r.key and j.deleted_at is null);
