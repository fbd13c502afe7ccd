/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/objects.h"

#include "templates/tree.h"

static DsnValue
count(size_t n)
{
    return dsn_value_integer((int64_t)n);
}

static DsnValue
loop_attribute(const DsnLoop *loop, DsnValue name)
{
    size_t i = loop->index;

    if (dsn_value_is(name, "index"))
        return count(i + 1);
    if (dsn_value_is(name, "index0"))
        return count(i);
    if (dsn_value_is(name, "first"))
        return dsn_value_bool(i == 0);
    if (dsn_value_is(name, "last"))
        return dsn_value_bool(i + 1 == loop->n);
    if (dsn_value_is(name, "length"))
        return count(loop->n);
    if (dsn_value_is(name, "revindex"))
        return count(loop->n - i);
    if (dsn_value_is(name, "revindex0"))
        return count(loop->n - i - 1);
    if (dsn_value_is(name, "depth"))
        return count(loop->depth + 1);
    if (dsn_value_is(name, "depth0"))
        return count(loop->depth);
    if (dsn_value_is(name, "previtem"))
        return i == 0 ? DSN_UNDEFINED : loop->items[i - 1];
    if (dsn_value_is(name, "nextitem"))
        return i + 1 >= loop->n ? DSN_UNDEFINED : loop->items[i + 1]; /* the loop may be over */
    return DSN_UNDEFINED;
}

DsnValue
dsn_object_attribute(DsnValue object, const char *name, size_t size)
{
    DsnValue key = dsn_value_text(name, size);

    if (object.kind == DSN_VALUE_LOOP)
        return loop_attribute(object.loop, key);
    if (object.kind == DSN_VALUE_MACRO && dsn_value_is(key, "name"))
        return object.macro->node->macro.name;
    return DSN_UNDEFINED;
}
