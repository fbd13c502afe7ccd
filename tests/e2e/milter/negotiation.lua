-- SPDX-License-Identifier: BSD-2-Clause
-- MTAs of all ages: what is not offered is done without.

local OURS, OTHER, TAGGED = "<fbl@example.com>", "<somebody@example.com>", "<tagged@example.com>"
local V2_ACTIONS, V2_STEPS = 0x3f, 0x7f
local NO_REPLY = SMFIP_NR_CONN | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_HDR | SMFIP_NR_EOH |
		 SMFIP_NR_BODY

local conn = open()
for _, step in ipairs({SMFIP_NOHELO, SMFIP_NOUNKNOWN, SMFIP_HDR_LEADSPC, SMFIP_NR_CONN, SMFIP_NR_MAIL,
		       SMFIP_NR_RCPT, SMFIP_NR_HDR, SMFIP_NR_EOH, SMFIP_NR_BODY}) do
	expect(mt.test_option(conn, step), true, "step " .. step)
end
for _, step in ipairs({SMFIP_NOCONNECT, SMFIP_NOMAIL, SMFIP_NORCPT, SMFIP_NOBODY, SMFIP_NOHDRS, SMFIP_NODATA,
		       SMFIP_NR_DATA, SMFIP_RCPT_REJ}) do
	expect(mt.test_option(conn, step), false, "step " .. step)
end
for _, action in ipairs({SMFIF_ADDHDRS, SMFIF_CHGHDRS, SMFIF_CHGBODY, SMFIF_DELRCPT, SMFIF_SETSYMLIST}) do
	expect(mt.test_action(conn, action), true, "action " .. action)
end
for _, action in ipairs({SMFIF_ADDRCPT, SMFIF_QUARANTINE, SMFIF_CHGFROM}) do
	expect(mt.test_action(conn, action), false, "action " .. action)
end
close(conn)

local offers = {
	{"version 6 without no-reply", {steps = 0x1fffff & ~(NO_REPLY | SMFIP_NR_HELO | SMFIP_NR_DATA |
						 SMFIP_NR_UNKN)}},
	{"version 6 without leading space", {steps = 0x0fffff}},
	{"version 6 without macro lists", {actions = 0xff}},
	{"version 4", {version = 4, actions = V2_ACTIONS, steps = 0x3ff}},
	{"version 2", {version = 2, actions = V2_ACTIONS, steps = V2_STEPS}},
}
for i, offer in ipairs(offers) do
	local what, how = table.unpack(offer)

	conn = open(how)
	expect(message(conn, "QN" .. i, "<>", {OURS}, feedback("old-" .. i)), SMFIR_DISCARD, what)
	expect(message(conn, "QO" .. i, "<>", {OTHER, OURS}, feedback("old-mixed-" .. i)), SMFIR_ACCEPT, what)
	expect_changes(conn, what, {OURS}, {OTHER})
	expect(message(conn, "QP" .. i, "<>", {TAGGED}, feedback("old-tag-" .. i)), SMFIR_ACCEPT, what)
	expect(mt.eom_check(conn, MT_HDRADD, "X-Dsnarf-Report"), true, what .. ": tag")
	expect(message(conn, "QQ" .. i, "<a@b.example>", {OTHER}, ORDINARY), SMFIR_ACCEPT, what)
	close(conn)
end

-- Without the means to remove a recipient it cannot work.
conn = mt.connect(SOCKET)
expect(mt.negotiate(conn, 6, 0x1fffff, 0x1) ~= nil, true, "an MTA that can do nothing is refused")
mt.disconnect(conn, false)
