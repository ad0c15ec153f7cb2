-- What one run of a project's sessions may write: lines in a second, and bytes of text in all.

alter table slate_log_policies
    -- Null: without limit. The defaults are those of slate_desktop/domain/retention.py.
    add column lines_per_s integer default 200000
        check (lines_per_s between 100 and 10000000),
    add column run_bytes bigint default 1073741824 check (run_bytes >= 1048576);

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'slate_user') then
        grant insert (lines_per_s, run_bytes), update (lines_per_s, run_bytes)
            on slate_log_policies to slate_user;
    end if;
end $$;
