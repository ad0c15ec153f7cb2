-- name: begin_audit$
-- Note that a command begins; one that an agent began before and did not end is taken up again.
with known as (
    update slate_audit set agent_id = :agent_id, message = ''
    where id = (select id from slate_audit
        where signer = :signer and idem = :idem and action = :action and target = :target
            and code is null
        order by id limit 1)
    returning id),
made as (
    insert into slate_audit (project_id, user_id, user_name, signer, idem, agent_id, action,
        target, detail, asked_at)
    select :project_id, u.id, u.name, :signer, :idem, :agent_id, :action, :target, :detail, :asked_at
    from slate_users u
    where u.id = :user_id and not exists (select from known)
    returning id)
select id from known union all select id from made;

-- name: end_audit!
-- Note how a command ended; nothing where that is known already.
update slate_audit
set agent_id = :agent_id, code = :code, message = :message, ended_at = clock_timestamp()
where id = :id and code is null;

-- name: end_left_audit!
-- Commands on sessions that an agent's earlier process had begun: nobody ends them any more.
update slate_audit
set code = case message when '' then 'unknown' else 'no_answer' end,
    message = case message when '' then :message else :unanswered end,
    ended_at = clock_timestamp()
where agent_id = :agent_id and code is null and action like 'session.%';

-- name: note_unanswered!
-- Note one's own command that no agent answered, unless an agent has noted it.
select slate_note_unanswered(:session_id, :action, :idem);

-- name: end_unanswered_audit!
-- A command is valid for seconds; after minutes none that was on its way has an effect any more.
update slate_audit
set code = 'no_answer', message = :message, ended_at = clock_timestamp()
where agent_id in (:agent_id, '') and code is null and message <> ''
    and recorded_at < clock_timestamp() - interval '5 minutes';

-- name: insert_audit!
-- Note a command that was refused.
insert into slate_audit (project_id, user_id, user_name, signer, idem, agent_id, action, target,
    detail, asked_at, code, message, ended_at)
select :project_id, u.id, u.name, :signer, :idem, :agent_id, :action, :target, :detail, :asked_at,
    :code, :message, clock_timestamp()
from slate_users u where u.id = :user_id;

-- name: list_audit
-- A page of the trail, newest first.
select a.id, coalesce(a.project_id, '') as project_id, coalesce(p.name, '') as project_name,
    coalesce(a.user_id, '') as user_id, a.user_name, a.agent_id, a.action,
    a.target, a.detail, a.asked_at, a.recorded_at, a.code, a.message, a.ended_at,
    a.code is null and (a.message <> '' or (a.agent_id <> '' and (g.last_seen is null
        or g.last_seen < clock_timestamp() - interval '15 seconds'))) as is_unanswered
from slate_audit a left join slate_projects p on p.id = a.project_id
    left join slate_agents g on a.code is null and g.id = a.agent_id
where (:project_id::text is null or a.project_id = :project_id)
    and (:since::timestamptz is null or a.recorded_at >= :since)
    and (:person::text is null or a.user_id = :person or lower(a.user_name) = lower(:person))
    and (:before::bigint is null or a.id < :before)
    and (:member::text is null or a.project_id is null or a.project_id in (
        select m.project_id from slate_project_members m
        where m.user_id = :member and m.deleted_at is null))
order by a.id desc
limit :limit;
