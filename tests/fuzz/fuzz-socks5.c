/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/socks5.h"

#include <stdint.h>

/* A reader who takes no more than what is missing has the whole answer after few steps, and never
 * more than the longest. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;

    DsnSpan bytes = {(const char *)data + 1, size - 1};
    DsnSocks5Step step = data[0] % 3;
    const char *problem;
    bool login;
    size_t len = 0, missing, turns = 0;

    while ((missing = dsn_socks5_missing(step, (DsnSpan){bytes.data, len}, &problem, &login)) > 0) {
        g_assert(problem == NULL && !login);
        g_assert(len + missing <= DSN_SOCKS5_ANSWER_MAX && ++turns <= 3);
        if (len + missing > bytes.len)
            return 0;
        len += missing;
    }
    g_assert(!login || (step == DSN_SOCKS5_GREETED && problem == NULL));
    /* and what follows is not looked at */
    const char *again;
    g_assert(dsn_socks5_missing(step, (DsnSpan){bytes.data, len}, &again, &login) == 0 &&
             again == problem);
    return 0;
}
