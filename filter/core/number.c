/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/number.h"

bool
dsn_number_read(const char *text, unsigned base, uint64_t least, uint64_t most,
                uint64_t *ret_number)
{
    uint64_t number = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        unsigned digit = (unsigned char)*text - (unsigned)'0'; /* what is below wraps around */

        if (digit >= base || __builtin_mul_overflow(number, base, &number) ||
            __builtin_add_overflow(number, digit, &number))
            return false;
    }
    if (number < least || number > most)
        return false;
    *ret_number = number;
    return true;
}
