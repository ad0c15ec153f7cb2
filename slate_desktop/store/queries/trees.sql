-- name: get_project_tree^
-- A project's newest tree.
select project_id, version, sha256, size, files, size_bytes, user_id, agent_id, updated_at
from slate_project_trees where project_id = :project_id and deleted_at is null;

-- name: add_project_tree^
-- A project's first tree; nothing where there is one.
insert into slate_project_trees (project_id, sha256, size, files, size_bytes, user_id)
values (:project_id, :sha256, :size, :files, :size_bytes, :user_id)
on conflict (project_id) do nothing
returning project_id, version, sha256, size, files, size_bytes, user_id, agent_id, updated_at;

-- name: change_project_tree^
-- A new tree in the place of the one that it stands on; nothing where that is no longer the newest.
update slate_project_trees set sha256 = :sha256, size = :size, files = :files,
    size_bytes = :size_bytes, user_id = :user_id, agent_id = :agent_id
where project_id = :project_id and version = :version and deleted_at is null
returning project_id, version, sha256, size, files, size_bytes, user_id, agent_id, updated_at;

-- name: list_project_origins
-- Where a project's folder is the one that somebody works in.
select project_id, user_id, token, inode from slate_project_origins
where project_id = :project_id and deleted_at is null;

-- name: set_project_origin!
-- Note what a person's workstation wrote into the project's folder.
insert into slate_project_origins (project_id, user_id, token, inode)
values (:project_id, :user_id, :token, :inode)
on conflict (project_id, user_id) do update set token = excluded.token, inode = excluded.inode;
