/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>

int
main(void)
{
    printf("dsnarf %s\n", PACKAGE_VERSION);
    return 0;
}
