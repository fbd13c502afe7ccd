-- SPDX-License-Identifier: BSD-2-Clause
-- The same message comes again, with another queue id: the same verdict.

for i = 1, 3 do
	local conn = open()
	expect(message(conn, "QA" .. i, "<>", {"<fbl@example.com>"}, feedback("again")), SMFIR_DISCARD, "again")
	expect(message(conn, "QB" .. i, "<>", {"<y@example.com>", "<fbl@example.com>"}, feedback("again")),
	       SMFIR_ACCEPT, "again, mixed")
	expect_changes(conn, "again, mixed", {"<fbl@example.com>"}, {"<y@example.com>"})
	expect(message(conn, "QC" .. i, "<>", {"<tagged@example.com>"}, feedback("again")), SMFIR_ACCEPT,
	       "again, tagged")
	expect(string.match(mt.getheader(conn, "X-Dsnarf-Report", 0), "^ [%a-]+; id="), " feedback-report; id=",
	       "again, tagged: tag")
	expect(message(conn, "QD" .. i, "<>", {"<fbl@example.com>"}, ORDINARY), SMFIR_ACCEPT, "no report")
	close(conn)
end
