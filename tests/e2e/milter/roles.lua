-- SPDX-License-Identifier: BSD-2-Clause
-- The {daemon_name} of the connection and the recipient choose the role.

local rows = {
	{"submission", "<fbl@example.com>", SMFIR_DISCARD, false},
	{"inbound", "<fbl@example.com>", SMFIR_ACCEPT, true},
	{"", "<fbl@example.com>", SMFIR_DISCARD, false},
	{"inbound", "<abuse@example.com>", SMFIR_ACCEPT, true},
	{"submission", "<abuse@example.com>", SMFIR_ACCEPT, nil}, -- nobody's
}

for i, row in ipairs(rows) do
	local daemon, recipient, reply, tag = table.unpack(row)
	local what = daemon .. " " .. recipient
	local conn = open({daemon = daemon})

	expect(message(conn, "QD" .. i, "<>", {recipient}, feedback("role-" .. i)), reply, what)
	if tag ~= nil then
		expect(mt.eom_check(conn, MT_HDRADD, "X-Dsnarf-Report"), tag, what .. ": tag")
	end
	close(conn)
end
