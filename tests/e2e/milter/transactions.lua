-- SPDX-License-Identifier: BSD-2-Clause
-- Several messages over one connection, and messages that end before they should.

local OURS, OTHER = "<fbl@example.com>", "<somebody@example.com>"

-- Nothing of one message is left in the next.
local conn = open()
expect(message(conn, "QT1", "<>", {OURS}, feedback("first")), SMFIR_DISCARD, "the first")
expect(message(conn, "QT2", "<a@b.example>", {OTHER}, ORDINARY), SMFIR_ACCEPT, "of others")
expect(message(conn, "QT3", "<>", {OURS, OTHER}, feedback("second")), SMFIR_ACCEPT, "the second")
expect_changes(conn, "the second", {OURS}, {OTHER})
expect(message(conn, "QT4", "<>", {OURS}, ORDINARY), SMFIR_ACCEPT, "no report")
expect_changes(conn, "no report", {}, {OURS, OTHER})

-- RSET: after MAIL, after RCPT, after DATA, in the header, in the body.
mt.mailfrom(conn, "<a@b.example>")
mt.abort(conn)
envelope(conn, "QT5", "<>", {OURS})
mt.abort(conn)
expect(message(conn, "QT6", "<a@b.example>", {OTHER}, ORDINARY), SMFIR_ACCEPT, "after RSET")
envelope(conn, "QT7", "<>", {OURS, OTHER})
expect(mt.data(conn), nil, "DATA")
mt.abort(conn)
envelope(conn, "QT8", "<>", {OURS})
expect(mt.data(conn), nil, "DATA")
header(conn, ORDINARY)
mt.abort(conn)
envelope(conn, "QT9", "<>", {OURS})
expect(mt.data(conn), nil, "DATA")
header(conn, ORDINARY)
expect(mt.eoh(conn), nil, "end of header")
expect(mt.bodystring(conn, "half of "), nil, "body")
mt.abort(conn)
expect(message(conn, "QT10", "<>", {OURS}, feedback("third")), SMFIR_DISCARD, "after RSET in the body")

-- MAIL again without RSET, as after a rejection of all recipients.
mt.mailfrom(conn, "<a@b.example>")
expect(message(conn, "QT11", "<>", {OURS}, feedback("fourth")), SMFIR_DISCARD, "after another MAIL")
close(conn)

-- Connections that end early, politely and not.
for _, polite in ipairs({true, false}) do
	mt.disconnect(mt.connect(SOCKET), polite)
	mt.disconnect(open(), polite)
	conn = open()
	mt.mailfrom(conn, "<>")
	mt.disconnect(conn, polite)
	conn = open()
	envelope(conn, "QT12", "<>", {OURS})
	mt.disconnect(conn, polite)
	conn = open()
	envelope(conn, "QT13", "<>", {OURS})
	expect(mt.data(conn), nil, "DATA")
	header(conn, feedback("never"))
	expect(mt.eoh(conn), nil, "end of header")
	expect(mt.bodystring(conn, "half"), nil, "body")
	mt.disconnect(conn, polite)
end

-- No queue id and no {daemon_name}.
conn = open({daemon = ""})
expect(message(conn, nil, "<>", {OURS}, feedback("fifth")), SMFIR_DISCARD, "without macros")
close(conn)

-- A client without an address.
conn = open({address = "unspec", name = "localhost"})
expect(message(conn, "QT14", "", {"fbl@example.com"}, feedback("sixth")), SMFIR_DISCARD, "unspec")
close(conn)
