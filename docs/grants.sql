-- The rights of the role `slantweb_app`, under which web and worker run (docs/operations.md). Run as the owner of the
-- tables, in the application's database, after each `manage.py migrate`. Owners migrate; this role only works.
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
