-- Sets of build options that a project keeps under a name.

-- name: list_build_presets
-- Presets of a project, by name.
select name, preset from slate_build_presets
where project_id = :project_id and deleted_at is null order by lower(name), name;

-- name: insert_build_preset$
-- Keep a preset under a name that is free.
insert into slate_build_presets (project_id, name, preset)
values (:project_id, :name, :preset)
on conflict (project_id, name) do update set preset = excluded.preset, deleted_at = null
    where slate_build_presets.deleted_at is not null
returning name;

-- name: upsert_build_preset!
-- Keep a preset, in the place of another of its name.
insert into slate_build_presets (project_id, name, preset)
values (:project_id, :name, :preset)
on conflict (project_id, name) do update set preset = excluded.preset, deleted_at = null;

-- name: delete_build_preset$
-- Soft-delete a preset of a project.
update slate_build_presets set deleted_at = now()
where project_id = :project_id and name = :name and deleted_at is null
returning name;
