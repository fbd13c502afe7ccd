/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/limits.h"

const DsnLimits DSN_LIMITS_DEFAULT = {
    .message = 25 * 1024 * 1024,
    .depth = 32,
    .parts = 500,
    .header = 1024 * 1024,
    .parameter = 64,
    .groups = 1000,
    .fields = 10000,
    .field = 64 * 1024,
    .occurrences = 1000,
    .defects = 100,
    .decoded = 25 * 1024 * 1024,
    .address = 1000,
    .encoded = 16 * 1024,
};
