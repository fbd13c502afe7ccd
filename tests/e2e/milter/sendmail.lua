-- SPDX-License-Identifier: BSD-2-Clause
-- Sendmail's macros and order of callbacks: HELO is told, the queue id comes with MAIL and not at the
-- end, and one connection serves message after message.

local OURS, OTHER = "<fbl@example.com>", "<somebody@example.com>"
local ages = {
	{version = 2, actions = 0x3f, steps = 0x7f},
	{version = 3, actions = 0x3f, steps = 0x7f & ~SMFIP_NOHELO},
	{version = 4, actions = 0x3f, steps = 0x3ff},
	{version = 6, actions = 0x0ff, steps = 0x1fffff}, -- without lists of macros
	{version = 6, actions = 0x1ff, steps = 0x1ffbff}, -- without SMFIP_SKIP
	{version = 6, actions = 0x1ff, steps = 0x1fffff},
}

local function greet(conn, what)
	mt.macro(conn, SMFIC_CONNECT, "j", "mta1.example.com", "_", "client.example [192.0.2.7]",
		 "{daemon_name}", "MTA-v4", "{if_addr}", "192.0.2.1")
	expect(mt.conninfo(conn, "client.example", "192.0.2.7"), nil, what .. ": connect")
	if not mt.test_option(conn, SMFIP_NOHELO) then
		mt.macro(conn, SMFIC_HELO, "{tls_version}", "TLSv1.3")
		expect(mt.helo(conn, "client.example"), nil, what .. ": HELO")
	end
end

local function take(conn, id, recipients, fields, what)
	mt.macro(conn, SMFIC_MAIL, "i", id, "{auth_authen}", "", "{mail_mailer}", "esmtp", "{mail_host}",
		 "mailbox.example.", "{mail_addr}", "")
	expect(mt.mailfrom(conn, "<>"), nil, what .. ": MAIL")
	for _, recipient in ipairs(recipients) do
		mt.macro(conn, SMFIC_RCPT, "{rcpt_mailer}", "local", "{rcpt_host}", "", "{rcpt_addr}",
			 string.sub(recipient, 2, -2))
		expect(mt.rcptto(conn, recipient), nil, what .. ": RCPT")
	end
	return content(conn, fields, fields == ORDINARY and "Please.\r\n" or "file:" .. REPORT)
end

for i, how in ipairs(ages) do
	local what = "age " .. i
	local conn = mt.connect(SOCKET, 100, 0.05)

	mt.set_timeout(60)
	expect(mt.negotiate(conn, how.version, how.steps, how.actions), nil, what)
	greet(conn, what)
	expect(take(conn, "QSA" .. i, {OURS}, feedback("sendmail-" .. i), what), SMFIR_DISCARD, what)
	expect(take(conn, "QSB" .. i, {OTHER}, ORDINARY, what), SMFIR_ACCEPT, what .. ": somebody else's")
	expect(take(conn, "QSC" .. i, {OTHER, OURS}, feedback("sendmail-mixed-" .. i), what), SMFIR_ACCEPT,
	       what .. ": mixed")
	expect_changes(conn, what, {OURS}, {OTHER})
	close(conn)
end
