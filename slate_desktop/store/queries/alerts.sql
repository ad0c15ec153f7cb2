-- Rules of alerts, and the alerts that they gave.

-- name: list_alert_rules
-- The rules of some projects, by name.
select project_id, id, name, kind, level, pattern, is_regex, threshold, is_percent, held_s,
    cooldown_s, is_enabled
from slate_alert_rules
where project_id = any(:project_ids::text[]) and deleted_at is null
order by lower(name), id;

-- name: insert_alert_rule!
-- Keep a new rule.
insert into slate_alert_rules (id, project_id, name, kind, level, pattern, is_regex, threshold,
    is_percent, held_s, cooldown_s, is_enabled)
values (:id, :project_id, :name, :kind, :level, :pattern, :is_regex, :threshold,
    :is_percent, :held_s, :cooldown_s, :is_enabled);

-- name: update_alert_rule$
-- Change a rule.
update slate_alert_rules set name = :name, kind = :kind, level = :level, pattern = :pattern,
    is_regex = :is_regex, threshold = :threshold, is_percent = :is_percent, held_s = :held_s,
    cooldown_s = :cooldown_s, is_enabled = :is_enabled
where id = :id and project_id = :project_id and deleted_at is null
returning id;

-- name: delete_alert_rule$
-- Soft-delete a rule: its alerts stay.
update slate_alert_rules set deleted_at = now()
where id = :id and project_id = :project_id and deleted_at is null
returning id;

-- name: upsert_alert!
-- Keep an alert, or what was counted into it since.
insert into slate_alerts (id, project_id, session_id, rule_id, rule_name, kind, at_ns, last_ns,
    count, is_at_least, seq, words)
values (:id, :project_id, :session_id, :rule_id, :rule_name, :kind, :at_ns, :last_ns,
    :count, :is_at_least, :seq, :words)
on conflict (id) do update set last_ns = greatest(slate_alerts.last_ns, excluded.last_ns),
    count = greatest(slate_alerts.count, excluded.count),
    is_at_least = slate_alerts.is_at_least or excluded.is_at_least;

-- name: list_alerts_of_project
-- The newest alerts of a project.
select id, project_id, session_id, rule_id, rule_name, kind, at_ns, last_ns, count, is_at_least,
    seq, words
from slate_alerts where project_id = :project_id and at_ns >= :since_ns
order by at_ns desc, id limit :limit;

-- name: list_alerts_of_sessions
-- The newest alerts of sessions within a span.
select id, project_id, session_id, rule_id, rule_name, kind, at_ns, last_ns, count, is_at_least,
    seq, words
from slate_alerts
where session_id = any(:session_ids::text[]) and at_ns between :start_ns and :end_ns
order by at_ns desc, id limit :limit;

-- name: list_last_alerts
-- The newest alert of each rule in a session.
select distinct on (rule_id) id, project_id, session_id, rule_id, rule_name, kind, at_ns, last_ns,
    count, is_at_least, seq, words
from slate_alerts where session_id = :session_id
order by rule_id, at_ns desc;
