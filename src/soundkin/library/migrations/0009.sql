-- By which version of the methods facts were measured; older ones are measured once more.
ALTER TABLE facts ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
