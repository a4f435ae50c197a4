std = "lua53"
globals = { "gfx", "reaper" }
max_line_length = 100
