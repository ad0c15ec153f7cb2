-- Where the brokers are: one, or all of a cluster. The server writes it; who has connected once
-- knows the others from here, and starts without the first one too.

create table slate_brokers (
    name text primary key,
    url text not null check (length(url) between 1 and 300),
    position integer not null
);

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant select on slate_brokers to slate_user;
    end if;
    if exists (select 1 from pg_roles where rolname = 'slate_agent') then
        grant select on slate_brokers to slate_agent;
    end if;
end $$;
