-- SPDX-License-Identifier: BSD-2-Clause
-- What miltertest runs: the script SCRIPT, with what all scripts share. tests/e2e/milter.py also sets
-- SOCKET, where dsnarf listens, and REPORT, the file with the body of a feedback report.

FEEDBACK = {
	{"From", " Feedback Loop <fbl@mailbox.example>"},
	{"To", " fbl@example.com"},
	{"Subject", " FW: Autumn sale,\n\tthree days only"},
	{"Message-ID", " <fbl-1@mailbox.example>"},
	{"MIME-Version", " 1.0"},
	{"Content-Type", " multipart/report; report-type=feedback-report;\n\tboundary=\"fbl-88213\""},
}
ORDINARY = {
	{"From", " Reader <reader@mailbox.example>"},
	{"To", " fbl@example.com"},
	{"Subject", " unsubscribe me"},
	{"Message-ID", " <reader-1@mailbox.example>"},
}

function fail(what)
	error(what, 0)
end

function expect(found, wanted, what)
	if found ~= wanted then
		fail(what .. ": " .. tostring(found) .. " instead of " .. tostring(wanted))
	end
end

-- miltertest's functions return nil when they worked.
local function ok(result, what)
	if result ~= nil then
		fail(what .. ": " .. tostring(result))
	end
end

-- The fields of a feedback report with a Message-ID of its own.
function feedback(name)
	local fields = {table.unpack(FEEDBACK)}

	fields[4] = {"Message-ID", " <" .. name .. "@mailbox.example>"}
	return fields
end

-- A connection that negotiated. how: version, actions, steps; daemon, name, address of the peer.
function open(how)
	how = how or {}
	local conn = mt.connect(SOCKET, 100, 0.05)

	if conn == nil then
		fail("no connection to " .. SOCKET)
	end
	mt.set_timeout(60)
	-- miltertest 2.11 has the last two the wrong way round.
	ok(mt.negotiate(conn, how.version, how.steps, how.actions), "negotiation")
	if how.daemon ~= "" then
		mt.macro(conn, SMFIC_CONNECT, "{daemon_name}", how.daemon or "mta1.example.com")
	end
	ok(mt.conninfo(conn, how.name or "client.example", how.address or "192.0.2.7"), "connect")
	return conn
end

-- Sender and recipients; the queue id comes with the first recipient.
function envelope(conn, id, sender, recipients)
	ok(mt.mailfrom(conn, sender, "SIZE=3000"), "MAIL")
	for i, recipient in ipairs(recipients) do
		if i == 1 and id ~= nil then
			mt.macro(conn, SMFIC_RCPT, "i", id)
		end
		ok(mt.rcptto(conn, recipient), "RCPT")
	end
end

function header(conn, fields)
	for _, field in ipairs(fields) do
		ok(mt.header(conn, field[1], field[2]), "header")
	end
end

-- DATA and what follows, as far as the filter wants it. Returns the reply that ended it.
-- body: a string, the name of a file after "file:", or a function of the connection.
function content(conn, fields, body)
	ok(mt.data(conn), "DATA")
	if mt.getreply(conn) ~= SMFIR_CONTINUE then
		return mt.getreply(conn)
	end
	header(conn, fields)
	ok(mt.eoh(conn), "end of header")
	if mt.getreply(conn) ~= SMFIR_CONTINUE then
		return mt.getreply(conn)
	end
	if type(body) == "function" then
		body(conn)
	elseif string.sub(body, 1, 5) == "file:" then
		ok(mt.bodyfile(conn, string.sub(body, 6)), "body")
	else
		ok(mt.bodystring(conn, body), "body")
	end
	ok(mt.eom(conn), "end of message")
	return mt.getreply(conn)
end

-- A whole message; with other fields than ORDINARY the body is that of a feedback report.
function message(conn, id, sender, recipients, fields)
	envelope(conn, id, sender, recipients)
	return content(conn, fields, fields == ORDINARY and "Please.\r\n" or "file:" .. REPORT)
end

-- The recipients that are to go, and none of the others; nothing else is changed.
function expect_changes(conn, what, removed, kept)
	for _, recipient in ipairs(removed) do
		expect(mt.eom_check(conn, MT_RCPTDELETE, recipient), true, what .. ": removed " .. recipient)
	end
	for _, recipient in ipairs(kept) do
		expect(mt.eom_check(conn, MT_RCPTDELETE, recipient), false, what .. ": removed " .. recipient)
	end
	for _, change in ipairs({MT_BODYCHANGE, MT_HDRCHANGE, MT_HDRINSERT, MT_QUARANTINE}) do
		expect(mt.eom_check(conn, change), false, what .. ": change " .. change)
	end
end

function expect_no_tag(conn, what)
	expect(mt.eom_check(conn, MT_HDRADD), false, what .. ": field added")
	expect(mt.eom_check(conn, MT_HDRDELETE), false, what .. ": field removed")
end

function close(conn)
	mt.disconnect(conn)
end

-- miltertest keeps to itself why a script failed.
local done, why = xpcall(dofile, debug.traceback, SCRIPT)

if not done then
	print(why)
	error(why)
end
