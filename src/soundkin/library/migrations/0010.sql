-- What copies of a sound are told by, as soundkin.audio.fingerprint writes it; apart from the facts,
-- which are read with every recording. A content without a row is measured by the next index run.
CREATE TABLE fingerprints (
    content INTEGER PRIMARY KEY REFERENCES contents (id) ON DELETE CASCADE,
    data BLOB NOT NULL
) STRICT;
