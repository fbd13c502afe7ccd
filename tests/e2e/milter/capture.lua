-- SPDX-License-Identifier: BSD-2-Clause
-- What Postfix 3.7 does not pass on, and what its test has no password for: REQUIRETLS, and a login.

local function submit(conn, id, sender, parameters, recipients, login)
	if login ~= nil then -- an MTA that tells it at MAIL; miltertest has none for DATA
		mt.macro(conn, SMFIC_MAIL, "{auth_authen}", login, "{auth_type}", "PLAIN")
	end
	mt.mailfrom(conn, sender, table.unpack(parameters))
	mt.macro(conn, SMFIC_RCPT, "i", id)
	for _, recipient in ipairs(recipients) do
		mt.rcptto(conn, table.unpack(recipient))
	end
	mt.data(conn)
	expect(mt.getreply(conn), SMFIR_CONTINUE, id .. ": DATA")
	header(conn, {{"From", "news@shop.example"}, {"Subject", "Order " .. id .. ",\n\tfolded"},
	              {"Message-ID", "<" .. id .. "@shop.example>"}})
	mt.eoh(conn)
	mt.bodystring(conn, "A body of " .. id .. ".\r\n")
	mt.eom(conn)
	expect(mt.getreply(conn), SMFIR_ACCEPT, id)
end

local conn = open()
-- given up: nothing of it goes into the next one
mt.mailfrom(conn, "<a@shop.example>", "ENVID=gone", "REQUIRETLS")
mt.rcptto(conn, "<gone@x.example>", "NOTIFY=NEVER")
mt.abort(conn)
submit(conn, "QR1", "<news@shop.example>", {"REQUIRETLS", "RET=FULL", "BODY=8BITMIME"},
       {{"<ann@x.example>", "NOTIFY=FAILURE"}}, "shop")
close(conn)
conn = open()
submit(conn, "QR2", "<news@shop.example>", {}, {{"<bob@x.example>"}, {"<eve@x.example>"}})
-- to a role as well: that is read as a report, and nothing is remembered
mt.mailfrom(conn, "<news@shop.example>")
mt.rcptto(conn, "<bob@x.example>")
mt.rcptto(conn, "<fbl@example.com>")
mt.data(conn)
header(conn, ORDINARY)
mt.eoh(conn)
mt.bodystring(conn, "Please.\r\n")
mt.eom(conn)
expect(mt.getreply(conn), SMFIR_ACCEPT, "QR3")
close(conn)
