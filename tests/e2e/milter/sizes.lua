-- SPDX-License-Identifier: BSD-2-Clause
-- Bodies over limits.message, which is 100 KiB here, and all bytes that there are; many recipients.

local OURS = "<fbl@example.com>"

-- A report, and behind it more than is read: the rest is let go of.
local conn = open()
envelope(conn, "QS1", "<>", {OURS})
expect(content(conn, feedback("large"), function(c)
	expect(mt.bodyfile(c, REPORT), nil, "body")
	for _ = 1, 40 do
		expect(mt.bodystring(c, string.rep("0123456789 what follows\r\n", 2000)), nil, "body")
	end
end), SMFIR_DISCARD, "a long report")

-- No report within what is read.
envelope(conn, "QS2", "<>", {OURS})
expect(content(conn, ORDINARY, function(c)
	for _ = 1, 40 do
		expect(mt.bodystring(c, string.rep("x", 60000)), nil, "body")
	end
end), SMFIR_ACCEPT, "a long message")
expect_changes(conn, "a long message", {}, {OURS})

-- One byte at a time.
envelope(conn, "QS3", "<>", {OURS})
expect(content(conn, feedback("small"), function(c)
	for byte in string.gmatch(io.open(REPORT, "rb"):read("a"), ".") do
		expect(mt.bodystring(c, byte), nil, "body")
	end
end), SMFIR_DISCARD, "byte by byte")

-- NUL, 8-bit, bare CR and LF.
envelope(conn, "QS4", "<>", {OURS})
expect(content(conn, feedback("bytes"), "file:" .. BYTES), SMFIR_DISCARD, "all bytes")

-- No body, and nothing at all.
envelope(conn, "QS5", "<>", {OURS})
expect(content(conn, feedback("no-body"), function() end), SMFIR_ACCEPT, "no body")
envelope(conn, "QS6", "<>", {OURS})
expect(content(conn, {}, function() end), SMFIR_ACCEPT, "nothing")

-- A thousand recipients, every other one of ours.
local recipients = {}
for i = 1, 1000 do
	recipients[i] = i % 2 == 0 and "<bounce+" .. i .. "@example.com>" or "<x" .. i .. "@example.com>"
end
expect(message(conn, "QS7", "<>", recipients, feedback("many")), SMFIR_ACCEPT, "many recipients")
expect_changes(conn, "many recipients", {"<bounce+2@example.com>", "<bounce+1000@example.com>"},
	       {"<x1@example.com>", "<x999@example.com>"})
close(conn)
