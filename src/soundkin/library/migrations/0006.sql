-- How flat a spectrum is; NULL where it was not measured yet, or there is only silence.
ALTER TABLE facts ADD COLUMN flatness REAL;
