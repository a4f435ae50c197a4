std = "lua53" -- REAPER 6 has Lua 5.3, REAPER 7 has 5.4
read_globals = { "reaper" }
globals = { "gfx" }
max_line_length = 100
