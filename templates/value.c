/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/value.h"

#include "templates/number.h"
#include "templates/objects.h"
#include "templates/run.h"
#include "templates/text.h"

DsnValue
dsn_value_from_json(json_t *json)
{
    switch (json == NULL ? JSON_NULL : json_typeof(json)) {
    case JSON_OBJECT:
        return (DsnValue){.kind = DSN_VALUE_MAP, .flags = DSN_VALUE_JSON, .json = json};
    case JSON_ARRAY:
        return (DsnValue){.kind = DSN_VALUE_LIST, .flags = DSN_VALUE_JSON, .json = json};
    case JSON_STRING:
        return dsn_value_text(json_string_value(json),
                              MIN(json_string_length(json), (size_t)UINT32_MAX));
    case JSON_INTEGER:
        return dsn_value_integer(json_integer_value(json));
    case JSON_REAL:
        return dsn_value_float(json_real_value(json));
    case JSON_TRUE:
        return dsn_value_bool(true);
    case JSON_FALSE:
        return dsn_value_bool(false);
    case JSON_NULL:
        break;
    }
    return json == NULL ? DSN_UNDEFINED : DSN_NONE;
}

const char *
dsn_value_kind_name(DsnValue value)
{
    static const char *const names[] = {
        [DSN_VALUE_UNDEFINED] = "an undefined value",
        [DSN_VALUE_NONE] = "none",
        [DSN_VALUE_BOOL] = "a boolean",
        [DSN_VALUE_INTEGER] = "a number",
        [DSN_VALUE_BIG] = "a number",
        [DSN_VALUE_FLOAT] = "a number",
        [DSN_VALUE_STRING] = "a string",
        [DSN_VALUE_LIST] = "a sequence",
        [DSN_VALUE_MAP] = "a map",
        [DSN_VALUE_NAMESPACE] = "a namespace",
        [DSN_VALUE_LOOP] = "a loop",
        [DSN_VALUE_MACRO] = "a macro",
        [DSN_VALUE_CYCLER] = "a cycler",
        [DSN_VALUE_JOINER] = "a joiner",
    };

    return names[value.kind];
}

bool
dsn_value_truth(DsnValue value)
{
    size_t length;

    switch ((DsnValueKind)value.kind) {
    case DSN_VALUE_UNDEFINED:
    case DSN_VALUE_NONE:
        return false;
    case DSN_VALUE_BOOL:
        return value.truth;
    case DSN_VALUE_INTEGER:
        return value.integer != 0;
    case DSN_VALUE_FLOAT:
        return value.real != 0;
    case DSN_VALUE_STRING:
        return value.size != 0;
    case DSN_VALUE_LIST:
    case DSN_VALUE_MAP:
    case DSN_VALUE_NAMESPACE:
        (void)dsn_value_length(value, &length); /* these have one */
        return length != 0;
    case DSN_VALUE_BIG:
    case DSN_VALUE_LOOP:
    case DSN_VALUE_MACRO:
    case DSN_VALUE_CYCLER:
    case DSN_VALUE_JOINER:
    case DSN_VALUE_UNRESOLVED:
        break;
    }
    return true;
}

bool
dsn_value_length(DsnValue value, size_t *ret_length)
{
    if (value.kind == DSN_VALUE_STRING)
        *ret_length = dsn_text_length(value.text, value.size);
    else if (value.kind == DSN_VALUE_NAMESPACE)
        *ret_length = value.space->size;
    else if (value.kind != DSN_VALUE_LIST && value.kind != DSN_VALUE_MAP)
        return false;
    else if (!(value.flags & DSN_VALUE_JSON))
        *ret_length = value.size;
    else
        *ret_length = value.kind == DSN_VALUE_LIST ? json_array_size(value.json)
                                                   : json_object_size(value.json);
    return true;
}

/* Kinds that sort as one: numbers among themselves, maps and namespaces too. */
static int
rank(DsnValue value)
{
    if (dsn_value_is_number(value))
        return DSN_VALUE_INTEGER;
    return value.kind == DSN_VALUE_NAMESPACE ? DSN_VALUE_MAP : value.kind;
}

static int
compare_text(DsnRun *run, DsnValue left, DsnValue right)
{
    size_t shorter = MIN(left.size, right.size);
    int order = memcmp(left.text, right.text, shorter);

    dsn_run_scan(run, shorter);
    return order != 0 ? order : (left.size > right.size) - (left.size < right.size);
}

static int
compare_lists(DsnRun *run, DsnValue left, DsnValue right, bool *ret_equal)
{
    const DsnValue *a, *b;
    size_t n_a, n_b;
    int order = 0;

    if (!dsn_run_descend(run))
        return 0;
    (void)dsn_value_items(run, left, &a, &n_a); /* both are lists */
    (void)dsn_value_items(run, right, &b, &n_b);
    if (ret_equal != NULL)
        *ret_equal = n_a == n_b;
    for (size_t i = 0; i < MIN(n_a, n_b) && order == 0 && dsn_run_may_go_on(run); i++) {
        run->fuel--;
        if (ret_equal == NULL)
            order = dsn_value_compare(run, a[i], b[i]);
        else if (!*ret_equal || !(*ret_equal = dsn_value_equal(run, a[i], b[i])))
            break;
    }
    run->depth++;
    return order != 0 ? order : (n_a > n_b) - (n_a < n_b);
}

static int
compare_maps(DsnRun *run, DsnValue left, DsnValue right, bool *ret_equal)
{
    const DsnPair *a, *b;
    size_t n_a, n_b;
    int order = 0;

    if (!dsn_run_descend(run))
        return 0;
    (void)dsn_value_pairs(run, left, &a, &n_a); /* both are maps */
    (void)dsn_value_pairs(run, right, &b, &n_b);
    if (ret_equal != NULL)
        *ret_equal = n_a == n_b;
    for (size_t i = 0; i < MIN(n_a, n_b) && order == 0 && dsn_run_may_go_on(run); i++) {
        run->fuel--;
        order = dsn_value_compare(run, a[i].key, b[i].key);
        if (ret_equal == NULL) {
            if (order == 0)
                order = dsn_value_compare(run, a[i].value, b[i].value);
        } else {
            *ret_equal = *ret_equal && order == 0 && dsn_value_equal(run, a[i].value, b[i].value);
            if (!*ret_equal)
                break;
        }
    }
    run->depth++;
    return order != 0 ? order : (n_a > n_b) - (n_a < n_b);
}

int
dsn_value_compare(DsnRun *run, DsnValue left, DsnValue right)
{
    int rank_left = rank(left), rank_right = rank(right);

    if (rank_left != rank_right)
        return rank_left < rank_right ? -1 : 1;
    switch (rank_left) {
    case DSN_VALUE_UNDEFINED:
    case DSN_VALUE_NONE:
        return 0;
    case DSN_VALUE_BOOL:
        return left.truth - right.truth;
    case DSN_VALUE_INTEGER:
        return dsn_number_compare(left, right);
    case DSN_VALUE_STRING:
        return compare_text(run, left, right);
    case DSN_VALUE_LIST:
        return compare_lists(run, left, right, NULL);
    case DSN_VALUE_MAP:
        return compare_maps(run, left, right, NULL);
    default: /* objects: each is equal to itself only */
        return (left.text > right.text) - (left.text < right.text);
    }
}

bool
dsn_value_equal(DsnRun *run, DsnValue left, DsnValue right)
{
    bool equal = false;

    if (left.kind == DSN_VALUE_STRING && right.kind == DSN_VALUE_STRING) {
        if (left.size != right.size)
            return false;
        dsn_run_scan(run, left.size);
        return memcmp(left.text, right.text, left.size) == 0;
    }
    if (left.kind == DSN_VALUE_BOOL && dsn_value_is_number(right))
        left = dsn_value_integer(left.truth);
    else if (right.kind == DSN_VALUE_BOOL && dsn_value_is_number(left))
        right = dsn_value_integer(right.truth);
    if (rank(left) != rank(right))
        return false;
    if ((left.kind == DSN_VALUE_FLOAT && left.real != left.real) ||
        (right.kind == DSN_VALUE_FLOAT && right.real != right.real))
        return false;
    if (left.kind == DSN_VALUE_LIST)
        (void)compare_lists(run, left, right, &equal); /* the answer is in equal */
    else if (rank(left) == DSN_VALUE_MAP)
        (void)compare_maps(run, left, right, &equal);
    else
        equal = dsn_value_compare(run, left, right) == 0;
    return equal;
}

static const DsnValue *
json_items(DsnRun *run, const json_t *array, size_t *ret_n)
{
    size_t n = json_array_size(array);
    DsnValue *items = dsn_run_items(run, n);

    for (size_t i = 0; i < n; i++)
        items[i] = dsn_value_from_json(json_array_get(array, i));
    *ret_n = n;
    return items;
}

bool
dsn_value_items(DsnRun *run, DsnValue value, const DsnValue **ret_items, size_t *ret_n)
{
    static const DsnValue nothing[1];
    const DsnPair *pairs;
    DsnValue *items;

    *ret_items = nothing; /* can be counted from, as NULL cannot */
    *ret_n = 0;
    if (dsn_value_is_missing(value))
        return true;
    if (value.kind == DSN_VALUE_LIST) {
        if (value.flags & DSN_VALUE_JSON) {
            *ret_items = json_items(run, value.json, ret_n);
        } else if (value.size > 0) {
            *ret_items = value.items;
            *ret_n = value.size;
        }
        return true;
    }
    if (value.kind == DSN_VALUE_STRING) {
        *ret_items = dsn_text_characters(run, value.text, value.size, ret_n);
        return true;
    }
    if (!dsn_value_pairs(run, value, &pairs, ret_n))
        return false;
    *ret_items = items = dsn_run_items(run, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        items[i] = pairs[i].key;
    return true;
}

static int
compare_keys(const void *left, const void *right, void *run)
{
    return dsn_value_compare(run, ((const DsnPair *)left)->key, ((const DsnPair *)right)->key);
}

static void
sort_pairs(DsnRun *run, DsnPair *pairs, size_t n)
{
    if (n > 24) {
        g_qsort_with_data(pairs, (int)n, sizeof *pairs, compare_keys, run);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        DsnPair pair = pairs[i];
        size_t j = i;

        for (; j > 0 && dsn_value_compare(run, pairs[j - 1].key, pair.key) > 0; j--)
            pairs[j] = pairs[j - 1];
        pairs[j] = pair;
    }
}

static const DsnPair *
json_pairs(DsnRun *run, json_t *object, size_t *ret_n)
{
    size_t n = json_object_size(object), i = 0;
    DsnPair *pairs = dsn_run_alloc(run, n * sizeof *pairs);
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        pairs[i].key = dsn_value_text(key, strlen(key));
        pairs[i++].value = dsn_value_from_json(value);
    }
    sort_pairs(run, pairs, n);
    *ret_n = n;
    return pairs;
}

bool
dsn_value_pairs(DsnRun *run, DsnValue value, const DsnPair **ret_pairs, size_t *ret_n)
{
    *ret_pairs = NULL;
    *ret_n = 0;
    if (value.kind == DSN_VALUE_NAMESPACE) {
        *ret_pairs = value.space->pairs;
        *ret_n = value.space->size;
    } else if (value.kind != DSN_VALUE_MAP) {
        return false;
    } else if (value.flags & DSN_VALUE_JSON) {
        *ret_pairs = json_pairs(run, value.json, ret_n);
    } else {
        *ret_pairs = value.pairs;
        *ret_n = value.size;
    }
    return true;
}

DsnValue
dsn_value_map(DsnRun *run, DsnPair *pairs, size_t n)
{
    size_t kept = 0;

    sort_pairs(run, pairs, n); /* stable: of equal keys the last one stays last */
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && dsn_value_compare(run, pairs[i].key, pairs[i + 1].key) == 0)
            continue;
        pairs[kept++] = pairs[i];
    }
    return (DsnValue){.kind = DSN_VALUE_MAP, .size = (uint32_t)kept, .pairs = pairs};
}

/* Where @key is or would be; *@ret_found says which. */
static size_t
search(DsnRun *run, const DsnPair *pairs, size_t n, DsnValue key, bool *ret_found)
{
    size_t low = 0, high = n;

    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = dsn_value_compare(run, pairs[middle].key, key);

        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void
dsn_namespace_set(DsnRun *run, DsnNamespace *space, DsnValue key, DsnValue value)
{
    bool found;
    size_t at = search(run, space->pairs, space->size, key, &found);

    /* A new array each time: the old one may be in use as a map or as its items. */
    size_t behind = at + (found ? 1 : 0);
    DsnPair *pairs = dsn_run_alloc(run, (space->size + 1) * sizeof *pairs);
    if (at > 0)
        memcpy(pairs, space->pairs, at * sizeof *pairs);
    pairs[at] = (DsnPair){key, value};
    if (behind < space->size)
        memcpy(pairs + at + 1, space->pairs + behind, (space->size - behind) * sizeof *pairs);
    space->pairs = pairs;
    space->size += found ? 0 : 1;
}

/* A header looked up in another case of letters than the message had (f.7 of old KumoMTA). */
static json_t *
find_caseless(DsnRun *run, json_t *object, const char *name, size_t size)
{
    const char *key, *best_key = NULL;
    json_t *value, *best = NULL;

    json_object_foreach(object, key, value)
    {
        run->fuel--;
        if (g_ascii_strncasecmp(key, name, size) == 0 && key[size] == '\0' &&
            (best_key == NULL || strcmp(key, best_key) < 0)) {
            best_key = key;
            best = value;
        }
    }
    return best;
}

DsnValue
dsn_value_attribute(DsnRun *run, DsnValue value, const char *name, size_t size)
{
    if (value.kind == DSN_VALUE_MAP && value.flags & DSN_VALUE_JSON) {
        json_t *found = json_object_getn(value.json, name, size);

        if (found == NULL && value.flags & DSN_VALUE_CASELESS)
            found = find_caseless(run, value.json, name, size);
        return dsn_value_from_json(found);
    }
    if (value.kind == DSN_VALUE_MAP || value.kind == DSN_VALUE_NAMESPACE) {
        const DsnPair *pairs;
        size_t n, at;
        bool found;

        (void)dsn_value_pairs(run, value, &pairs, &n); /* it is a map */
        at = search(run, pairs, n, dsn_value_text(name, size), &found);
        return found ? pairs[at].value : DSN_UNDEFINED;
    }
    if (value.kind == DSN_VALUE_LIST && value.flags & DSN_VALUE_GROUP) {
        DsnValue key = dsn_value_text(name, size);

        if (dsn_value_is(key, "grouper"))
            return value.items[0];
        if (dsn_value_is(key, "list"))
            return value.items[1];
    }
    return dsn_object_attribute(value, name, size);
}

static DsnValue
item_at(DsnRun *run, DsnValue value, DsnInteger index)
{
    size_t length = 0;

    (void)dsn_value_length(value, &length); /* lists and strings have one */
    if (index < 0)
        index += (DsnInteger)length;
    if (index < 0 || index >= (DsnInteger)length)
        return DSN_UNDEFINED;
    if (value.kind == DSN_VALUE_STRING) {
        dsn_run_scan(run, value.size);
        const char *start = dsn_text_at(value.text, value.size, (size_t)index);
        return dsn_value_text(start, dsn_text_step(start));
    }
    if (value.flags & DSN_VALUE_JSON)
        return dsn_value_from_json(json_array_get(value.json, (size_t)index));
    return value.items[index];
}

DsnValue
dsn_value_member(DsnRun *run, DsnValue value, DsnValue key)
{
    DsnInteger index;

    if (key.kind == DSN_VALUE_STRING)
        return dsn_value_attribute(run, value, key.text, key.size);
    if (value.kind == DSN_VALUE_LIST || value.kind == DSN_VALUE_STRING)
        return dsn_number_to_integer(key, &index) ? item_at(run, value, index) : DSN_UNDEFINED;
    if ((value.kind == DSN_VALUE_MAP && !(value.flags & DSN_VALUE_JSON)) ||
        value.kind == DSN_VALUE_NAMESPACE) {
        const DsnPair *pairs;
        size_t n, at;
        bool found;

        (void)dsn_value_pairs(run, value, &pairs, &n); /* it is a map */
        at = search(run, pairs, n, key, &found);
        return found ? pairs[at].value : DSN_UNDEFINED;
    }
    return DSN_UNDEFINED;
}

bool
dsn_value_path(DsnRun *run, DsnValue value, DsnValue path, bool lenient, DsnValue *ret)
{
    const char *at, *end;
    DsnInteger index;

    if (path.kind != DSN_VALUE_STRING) {
        *ret = dsn_value_member(run, value, path);
        return true;
    }
    at = path.text;
    end = at + path.size;
    for (;;) {
        const char *dot = memchr(at, '.', (size_t)(end - at));
        size_t size = (size_t)((dot == NULL ? end : dot) - at);

        run->fuel--;
        if (value.kind == DSN_VALUE_UNDEFINED && !lenient)
            return dsn_run_fail(run, DSN_TEMPLATE_ERROR_UNDEFINED,
                                "attribute \"%.*s\" of an undefined value", (int)MIN(size, 40), at);
        if (value.kind == DSN_VALUE_LIST && dsn_number_parse_integer(at, size, 10, &index))
            value = item_at(run, value, index);
        else
            value = dsn_value_attribute(run, value, at, size);
        if (dot == NULL)
            break;
        at = dot + 1;
    }
    *ret = value;
    return true;
}

static bool
map_contains(DsnRun *run, DsnValue map, DsnValue key)
{
    const DsnPair *pairs;
    size_t n;
    bool found;

    if (map.kind == DSN_VALUE_MAP && map.flags & DSN_VALUE_JSON)
        return key.kind == DSN_VALUE_STRING &&
               dsn_value_attribute(run, map, key.text, key.size).kind != DSN_VALUE_UNDEFINED;
    (void)dsn_value_pairs(run, map, &pairs, &n); /* it is a map */
    (void)search(run, pairs, n, key, &found);
    return found;
}

bool
dsn_value_contains(DsnRun *run, DsnValue container, DsnValue item, bool *ret)
{
    const DsnValue *items;
    size_t n;

    *ret = false;
    switch (rank(container)) {
    case DSN_VALUE_UNDEFINED:
        return true;
    case DSN_VALUE_STRING:
        item = dsn_text_of(run, item);
        dsn_run_scan(run, container.size);
        *ret = memmem(container.text, container.size, item.text, item.size) != NULL;
        return true;
    case DSN_VALUE_MAP:
        *ret = map_contains(run, container, item);
        return true;
    case DSN_VALUE_LIST:
        (void)dsn_value_items(run, container, &items, &n); /* it is a list */
        for (size_t i = 0; i < n && !*ret && dsn_run_may_go_on(run); i++) {
            run->fuel--;
            *ret = dsn_value_equal(run, items[i], item);
        }
        return true;
    default:
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "nothing is in %s",
                            dsn_value_kind_name(container));
    }
}
