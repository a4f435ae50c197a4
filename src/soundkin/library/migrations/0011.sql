-- Sounds that a person has put together, to take them somewhere: recordings, or stretches of them.
CREATE TABLE crates (
    crate TEXT NOT NULL,
    recording_id INTEGER NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    start_s REAL NOT NULL DEFAULT 0,
    end_s REAL,                  -- null to the end
    position INTEGER NOT NULL,   -- in the order they were put in
    PRIMARY KEY (crate, recording_id, start_s)
) STRICT, WITHOUT ROWID;

CREATE INDEX crates_by_recording ON crates (recording_id);
