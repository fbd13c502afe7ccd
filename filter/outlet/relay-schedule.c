/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/relay-schedule.h"

GTimeSpan
dsn_relay_delay(GTimeSpan least, GTimeSpan most, unsigned attempt, double random)
{
    GTimeSpan longest = least;

    for (unsigned i = 0; i < attempt && longest < most; i++)
        longest = longest > most / 2 ? most : 2 * longest;
    return least + (GTimeSpan)((double)(longest - least) * random);
}
