-- name: get_schema_version$
-- The newest migration that was applied.
select coalesce(max(number), 0) from slate_schema_migrations;

-- name: insert_user^
-- Register a person's public key; the same key again is the same person.
insert into slate_users (id, name, pubkey) values (:id, :name, :pubkey)
on conflict (pubkey) do update set name = excluded.name
returning id, name, pubkey, revoked_at, is_admin, created_at;

-- name: get_user^
-- One person by id.
select id, name, pubkey, revoked_at, is_admin, created_at from slate_users
where id = :id and deleted_at is null;

-- name: get_user_by_pubkey^
-- One person by public key, revoked ones too.
select id, name, pubkey, revoked_at, is_admin, created_at from slate_users
where pubkey = :pubkey and deleted_at is null;

-- name: revoke_user$
-- A person's key is worth nothing from now on.
update slate_users set revoked_at = now() where id = :id and revoked_at is null returning id;

-- name: insert_project^
-- Add a project; the owner becomes a member by trigger.
insert into slate_projects (id, name, owner_id, root, engine, engine_version, command, settings)
values (:id, :name, :owner_id, :root, :engine, :engine_version, :command, :settings)
returning id, name, owner_id, root, engine, engine_version, command, settings, version, created_at,
    updated_at, deleted_at;

-- name: get_project^
-- One project that was not removed.
select id, name, owner_id, root, engine, engine_version, command, settings, version, created_at,
    updated_at, deleted_at
from slate_projects where id = :id and deleted_at is null;

-- name: find_projects
-- Projects that a text may mean: the id, the beginning of an id, the name, or the root.
select id, name, owner_id, root, engine, engine_version, command, settings, version, created_at,
    updated_at, deleted_at
from slate_projects
where deleted_at is null
    and (id = :text or starts_with(id, :text) or lower(name) = lower(:text) or root = :text)
    and (:member::text is null or id in (
        select m.project_id from slate_project_members m
        where m.user_id = :member and m.deleted_at is null))
order by (id = :text) desc, (root = :text) desc, (lower(name) = lower(:text)) desc, created_at
limit 20;

-- name: list_projects
-- Projects of a person, or all, by name.
select id, name, owner_id, root, engine, engine_version, command, settings, version, created_at,
    updated_at, deleted_at
from slate_projects
where deleted_at is null
    and (:member::text is null or id in (
        select m.project_id from slate_project_members m
        where m.user_id = :member and m.deleted_at is null))
order by lower(name), id;

-- name: update_project^
-- Change what a project is called or runs; null leaves a field as it is.
update slate_projects
set name = coalesce(:name::text, name),
    engine = coalesce(:engine::text, engine),
    engine_version = coalesce(:engine_version::text, engine_version),
    command = coalesce(:command::jsonb, command),
    settings = coalesce(:settings::jsonb, settings)
where id = :id and deleted_at is null and (:version::bigint is null or version = :version)
returning id, name, owner_id, root, engine, engine_version, command, settings, version, created_at,
    updated_at, deleted_at;

-- name: delete_project$
-- Soft-delete a project that has no live session.
update slate_projects set deleted_at = now()
where id = :id and deleted_at is null and not exists (
    select 1 from slate_runtime_sessions s where s.project_id = :id and s.deleted_at is null
        and s.status in ('starting', 'running', 'stopping', 'lost'))
returning id;

-- name: role_of$
-- A person's role in a project.
select role from slate_project_members
where project_id = :project_id and user_id = :user_id and deleted_at is null;

-- name: set_member!
-- Give a person a role in a project.
insert into slate_project_members (project_id, user_id, role) values (:project_id, :user_id, :role)
on conflict (project_id, user_id) do update set role = excluded.role, deleted_at = null;

-- name: remove_member!
-- Take a person out of a project.
update slate_project_members set deleted_at = now()
where project_id = :project_id and user_id = :user_id and deleted_at is null;

-- name: list_members
-- Who is in a project.
select m.project_id, m.user_id, m.role, coalesce(u.name, '') as name
from slate_project_members m left join slate_users u on u.id = m.user_id
where m.project_id = :project_id and m.deleted_at is null
order by m.created_at, m.user_id;

-- name: register_agent^
-- An agent starts: its epoch rises, so that an older process of it is outdated.
insert into slate_agents (id, name, pubkey, epoch, capabilities, last_seen)
values (:id, :name, :pubkey, 1, :capabilities, now())
on conflict (id) do update set name = excluded.name, pubkey = excluded.pubkey,
    capabilities = excluded.capabilities, last_seen = now(), epoch = slate_agents.epoch + 1,
    deleted_at = null
returning id, name, pubkey, epoch, capabilities, last_seen, created_at, cordoned_at, cordon_reason,
    cordoned_by, is_draining;

-- name: heartbeat$
-- An agent lives; no row when its epoch is outdated.
update slate_agents
set last_seen = now(), capabilities = coalesce(:capabilities::jsonb, capabilities)
where id = :id and epoch = :epoch
returning epoch;

-- name: cordon_agent$
-- Let a host take no new work, or again; no row where the login may not, or there is none.
update slate_agents
set cordoned_at = case when :cordoned then coalesce(cordoned_at, clock_timestamp()) end,
    cordon_reason = :reason, is_draining = :draining
where id = :id and deleted_at is null
returning id;

-- name: find_person
-- People with exactly this id or name.
select id, name from slate_find_person(:text);

-- name: list_agents
-- All agents, and how long ago each was seen, by the database's clock.
select id, name, pubkey, epoch, capabilities, last_seen, created_at, cordoned_at,
    cordon_reason, cordoned_by, is_draining, extract(epoch from now() - last_seen)::float8 as seen_ago_s
from slate_agents where deleted_at is null
order by id;

-- name: get_agent^
-- One agent.
select id, name, pubkey, epoch, capabilities, last_seen, created_at, cordoned_at,
    cordon_reason, cordoned_by, is_draining, extract(epoch from now() - last_seen)::float8 as seen_ago_s
from slate_agents where id = :id and deleted_at is null;

-- name: begin_request$
-- Note an intent; no row when the key is known already.
insert into slate_requests (signer, idem, subject, body_sha, epoch, agent_id, attempt)
values (:signer, :idem, :subject, :body_sha, :epoch, :agent_id, :attempt)
on conflict (signer, idem) do nothing
returning idem;

-- name: get_request^
-- What became of an intent.
select signer, idem, subject, body_sha, state, response, epoch, agent_id, attempt,
    extract(epoch from now() - created_at)::float8 as age_s
from slate_requests where signer = :signer and idem = :idem;

-- name: take_over_request$
-- Go on with an intent that an older process left; only one of many that try gets it.
update slate_requests set agent_id = :agent_id, epoch = :epoch
where signer = :signer and idem = :idem and state = 'running'
    and agent_id = :old_agent_id and epoch = :old_epoch
returning idem;

-- name: finish_request!
-- Keep the answer of an intent.
update slate_requests set state = 'done', response = :response
where signer = :signer and idem = :idem;

-- name: abandon_request!
-- Forget an intent that had no effect.
delete from slate_requests where signer = :signer and idem = :idem and state = 'running';

-- name: prune_requests!
-- Forget intents after a day.
delete from slate_requests where created_at < now() - make_interval(secs => :older_than_s);

-- name: list_brokers
-- Where the brokers are.
select url from slate_brokers order by position, name;

-- name: replace_brokers
-- These brokers and no others.
with gone as (delete from slate_brokers where name <> all(:names::text[]))
insert into slate_brokers (name, url, position)
select name, url, position from unnest(:names::text[], :urls::text[])
    with ordinality as given(name, url, position)
on conflict (name) do update set url = excluded.url, position = excluded.position
returning name;
