-- Where a short recording begins and ends to sound; its segments lie there. NULL where they cover
-- all of it.
ALTER TABLE facts ADD COLUMN sound_from_s REAL;
ALTER TABLE facts ADD COLUMN sound_to_s REAL;
