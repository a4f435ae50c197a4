-- Contents in plain numbers; NULL where there is nothing to measure. A content without a row was
-- embedded before there were facts, and is measured by the next index run.
-- Apart from the contents, whose vectors would have to be read past.
CREATE TABLE facts (
    content INTEGER PRIMARY KEY REFERENCES contents (id) ON DELETE CASCADE,
    loudness_lufs REAL,
    brightness_hz REAL,
    pitch_hz REAL,
    pitch_confidence REAL,
    tempo_bpm REAL,
    tempo_confidence REAL,
    onsets_per_s REAL
) STRICT;
