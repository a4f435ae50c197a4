// A recording of the library as a hit that nobody searched for.

export function plainHit(recording) {
  const { duration_s } = recording;
  return { ...recording, start_s: 0, duration_s: Math.min(duration_s, 15), recording_duration_s: duration_s };
}
