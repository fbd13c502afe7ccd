-- SPDX-License-Identifier: BSD-2-Clause
-- More recipients of ours than are kept: the message is to come again, in pieces.

local conn = open()
local recipients = {}
for i = 1, 10001 do
	recipients[i] = "<bounce+" .. i .. "@example.com>"
end
expect(message(conn, "QC1", "<>", recipients, feedback("crowd")), SMFIR_REPLYCODE, "too many recipients")
expect(message(conn, "QC2", "<>", {"<fbl@example.com>"}, feedback("alone")), SMFIR_DISCARD, "one recipient")
close(conn)
