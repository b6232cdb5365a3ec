-- The rights of the roles `slantweb_app`, under which workers run (and the web, where both are one), and `slantweb_web`
-- (docs/operations.md). Run as the owner of the tables, in the application's database, after each `manage.py migrate`.
-- Owners migrate; these roles only work.
GRANT USAGE ON SCHEMA public TO slantweb_app;
REVOKE CREATE ON SCHEMA public FROM slantweb_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO slantweb_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO slantweb_app;

-- The trail is added to and read.
REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON opportunities_auditevent FROM slantweb_app;
-- Its head moves, and stays.
REVOKE INSERT, DELETE, TRUNCATE, REFERENCES, TRIGGER ON opportunities_chainhead FROM slantweb_app;
-- What was asked for and what was sent is finished, never removed.
REVOKE DELETE, TRUNCATE, REFERENCES, TRIGGER ON opportunities_submission FROM slantweb_app;
REVOKE DELETE, TRUNCATE, REFERENCES, TRIGGER ON opportunities_attempt FROM slantweb_app;
-- Which migrations ran is the owner's to say.
REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM slantweb_app;

-- The rights of the role `slantweb_web`, under which the web processes run where the worker has an account of its own
-- (docs/operations.md, "Two accounts"). It reads everything, writes what people enter, and nothing that a worker goes by:
-- when Slant is asked next, what the hour has had, which worker may do what.
GRANT USAGE ON SCHEMA public TO slantweb_web;
REVOKE CREATE ON SCHEMA public FROM slantweb_web;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM slantweb_web;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO slantweb_web;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO slantweb_web;
GRANT INSERT ON opportunities_auditevent, opportunities_exportsignature TO slantweb_web;
GRANT UPDATE ON opportunities_chainhead TO slantweb_web;
GRANT INSERT, UPDATE ON opportunities_submission, opportunities_bulkorder, opportunities_person, opportunities_lostreason,
  opportunities_stagemeaning, opportunities_alert, opportunities_alertmail, opportunities_lease TO slantweb_web;
-- What a manager says of a stage shows on open boards.
GRANT UPDATE ON opportunities_mirrorrevision TO slantweb_web;
GRANT INSERT, UPDATE ON opportunities_stagetotal TO slantweb_web;
GRANT UPDATE (revision) ON opportunities_pipeline TO slantweb_web;
GRANT INSERT, UPDATE, DELETE ON django_session, opportunities_draft, opportunities_savedview, opportunities_target,
  opportunities_limitcount, opportunities_hold, opportunities_opensession, opportunities_pendingalert TO slantweb_web;
-- Of the leases the web has one: who looks whether anything is wrong.
ALTER TABLE opportunities_lease ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS every_lease ON opportunities_lease;
CREATE POLICY every_lease ON opportunities_lease TO slantweb_app USING (true);
DROP POLICY IF EXISTS lease_of_the_watch ON opportunities_lease;
CREATE POLICY lease_of_the_watch ON opportunities_lease TO slantweb_web USING (name = 'watch');
