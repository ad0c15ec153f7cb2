-- Who works on a request, and at which attempt of its session it began: a later attempt tells an
-- agent that resumes the request that its effect is there already.

alter table slate_requests
    add column agent_id text not null default '',
    add column attempt integer not null default 0 check (attempt >= 0);
