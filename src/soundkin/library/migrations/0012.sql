-- Which key a recording is in, 0-11 major from C on, 12-23 minor, and how sure that is.
ALTER TABLE facts ADD COLUMN key_number REAL;
ALTER TABLE facts ADD COLUMN key_confidence REAL;
