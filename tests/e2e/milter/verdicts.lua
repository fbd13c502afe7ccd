-- SPDX-License-Identifier: BSD-2-Clause
-- Who the recipients are and whether it is a report decide what becomes of a message.

local OURS, MINE, OTHER = "<fbl@example.com>", "<bounce+4711=x@example.com>", "<somebody@example.com>"
local KEPT, TAGGED = "<kept@example.com>", "<tagged@example.com>"

local rows = {
	-- what, sender, recipients, report, reply, removed, tag
	{"ours only", "<>", {OURS}, true, SMFIR_DISCARD, {}, false},
	{"two of ours", "<>", {OURS, MINE}, true, SMFIR_DISCARD, {}, false},
	{"the same twice", "<>", {OURS, OURS}, true, SMFIR_DISCARD, {}, false},
	{"ours first", "<>", {OURS, OTHER}, true, SMFIR_ACCEPT, {OURS}, false},
	{"ours second", "<>", {OTHER, MINE}, true, SMFIR_ACCEPT, {MINE}, false},
	{"ours in between", "<>", {OTHER, OURS, "<y@example.com>", MINE}, true, SMFIR_ACCEPT, {OURS, MINE}, false},
	{"none of ours", "<>", {OTHER}, true, SMFIR_ACCEPT, {}, false},
	{"no report", "<>", {OURS}, false, SMFIR_ACCEPT, {}, false},
	{"no report, mixed", "<a@b.example>", {OURS, OTHER}, false, SMFIR_ACCEPT, {}, false},
	{"no report, tagged", "<a@b.example>", {TAGGED}, false, SMFIR_ACCEPT, {}, false},
	{"a sender", "<fbl@mailbox.example>", {OURS}, true, SMFIR_DISCARD, {}, false},
	{"no brackets", "", {"fbl@example.com"}, true, SMFIR_DISCARD, {}, false},
	{"no brackets, mixed", "", {"fbl@example.com", "y@example.com"}, true, SMFIR_ACCEPT,
	 {"fbl@example.com"}, false},
	{"other letters", "<>", {"<FBL@Example.COM>", OTHER}, true, SMFIR_ACCEPT, {"<FBL@Example.COM>"}, false},
	{"kept", "<>", {KEPT}, true, SMFIR_ACCEPT, {}, false},
	{"kept and ours", "<>", {KEPT, OURS}, true, SMFIR_ACCEPT, {OURS}, false},
	{"tagged", "<>", {TAGGED}, true, SMFIR_ACCEPT, {}, true},
	{"tagged and ours", "<>", {TAGGED, OURS}, true, SMFIR_ACCEPT, {OURS}, true},
	{"tagged and kept", "<>", {TAGGED, KEPT}, true, SMFIR_ACCEPT, {}, false},
	{"tagged and others", "<>", {TAGGED, OTHER}, true, SMFIR_ACCEPT, {}, false},
}

for i, row in ipairs(rows) do
	local what, sender, recipients, report, reply, removed, tag = table.unpack(row)
	local conn = open()
	local fields = report and feedback("verdict-" .. i) or ORDINARY
	local kept = {}

	expect(message(conn, "QV" .. i, sender, recipients, fields), reply, what)
	for _, recipient in ipairs(recipients) do
		local gone = false

		for _, other in ipairs(removed) do
			gone = gone or other == recipient
		end
		if not gone then
			table.insert(kept, recipient)
		end
	end
	if what ~= "none of ours" then -- there was no end of message
		expect_changes(conn, what, removed, kept)
		if tag then
			local value = mt.getheader(conn, "X-Dsnarf-Report", 0)

			expect(value ~= nil and string.match(value, "^ feedback%-report; id=%x+$") ~= nil, true,
			       what .. ": tag " .. tostring(value))
			expect(mt.eom_check(conn, MT_HDRDELETE), false, what .. ": field removed")
		else
			expect_no_tag(conn, what)
		end
	end
	close(conn)
end

-- A tag that was there before goes first; more of them than anybody needs are bounded.
for _, count in ipairs({1, 3, 500}) do
	local conn = open()
	local fields = feedback("forged-" .. count)

	for _ = 1, count do
		table.insert(fields, {"x-dsnarf-report", " feedback-report; id=forged"})
	end
	expect(message(conn, "QF" .. count, "<>", {TAGGED}, fields), SMFIR_ACCEPT, "forged tags")
	expect(mt.eom_check(conn, MT_HDRDELETE, "X-Dsnarf-Report"), true, "forged tags removed")
	expect(mt.eom_check(conn, MT_HDRADD, "X-Dsnarf-Report"), true, "tag added")
	close(conn)
end
