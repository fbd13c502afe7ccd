-- SPDX-License-Identifier: BSD-2-Clause
-- Nothing can be written: reports are to come again, all other mail passes.

local conn = open()
expect(message(conn, "QX1", "<>", {"<fbl@example.com>"}, feedback("failure")), SMFIR_REPLYCODE, "a report")
expect(message(conn, "QX2", "<>", {"<y@example.com>", "<fbl@example.com>"}, feedback("mixed")),
       SMFIR_REPLYCODE, "mixed")
expect_changes(conn, "mixed", {}, {"<y@example.com>", "<fbl@example.com>"})
expect_no_tag(conn, "mixed")
expect(message(conn, "QX3", "<>", {"<fbl@example.com>"}, ORDINARY), SMFIR_ACCEPT, "no report")
expect(message(conn, "QX4", "<a@b.example>", {"<y@example.com>"}, ORDINARY), SMFIR_ACCEPT, "of others")
close(conn)
