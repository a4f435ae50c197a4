-- Tags that were suggested for a recording, and that a person did not want.
CREATE TABLE rejected_tags (
    recording_id INTEGER NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (recording_id, tag)
) STRICT, WITHOUT ROWID;

-- Sounds that a person has named: what they asked for, and the vectors of it.
CREATE TABLE concepts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    model_hash TEXT NOT NULL,
    definition TEXT NOT NULL,  -- JSON, as it was asked
    vectors BLOB NOT NULL      -- float32 (m, n): of the query, of what was liked, of what was disliked
) STRICT;
