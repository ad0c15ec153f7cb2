-- Assets as they were last processed, presets of projects, and pauses of queues.

-- name: list_assets
-- Assets of a project, by path.
select project_id, path, kind, content_sha256, size, key, job_id, status, metadata, error_code,
    error_message, created_at, updated_at
from slate_assets
where project_id = :project_id and deleted_at is null
    and (:paths::text[] is null or path = any(:paths::text[]))
order by path limit :limit;

-- name: list_asset_presets
-- Presets that a project has of its own.
select id, preset from slate_asset_presets
where project_id = :project_id and deleted_at is null order by id;

-- name: upsert_asset_preset!
-- Make or replace a preset of a project.
insert into slate_asset_presets (project_id, id, preset) values (:project_id, :id, :preset)
on conflict (project_id, id) do update set preset = excluded.preset, deleted_at = null;

-- name: delete_asset_preset$
-- Soft-delete a preset of a project.
update slate_asset_presets set deleted_at = now()
where project_id = :project_id and id = :id and deleted_at is null
returning id;

-- name: list_asset_pauses
-- Types of which no job of the project is begun.
select kind from slate_asset_pauses where project_id = :project_id order by kind;

-- name: insert_asset_pause!
-- Begin no more jobs of a type.
insert into slate_asset_pauses (project_id, kind, user_id) values (:project_id, :kind, :user_id)
on conflict (project_id, kind) do nothing;

-- name: delete_asset_pause!
-- Go on with jobs of a type.
delete from slate_asset_pauses where project_id = :project_id and kind = :kind;
