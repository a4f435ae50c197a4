-- When a file was last changed in any way, by its system; NULL where that is not known yet, or
-- means nothing, as after the file was copied elsewhere. Other bytes of the same size, with the
-- old time put back, are noticed by it.
ALTER TABLE recordings ADD COLUMN ctime_ns INTEGER;

-- How many times slower than it is a recording is heard, as ultrasound is; its content is known by
-- a hash of its bytes and of this.
ALTER TABLE recordings ADD COLUMN slow REAL NOT NULL DEFAULT 1 CHECK (slow BETWEEN 1 AND 100);

-- How many times slower all that lies in a folder is to be heard; NULL: as in the one above it.
ALTER TABLE folders ADD COLUMN slow REAL CHECK (slow BETWEEN 1 AND 100);
