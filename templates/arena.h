/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena.h - memory that goes all at once
 *
 * Purpose:   what a compiled template, or one render, is made of; an error path cannot leak.
 * Source:    none.
 * Ownership: everything belongs to the arena; the first block may be the caller's.
 * Errors:    none; who asks has checked the size against a limit.
 * Threads:   one arena, one thread.
 */
#ifndef DSN_TEMPLATES_ARENA_H
#define DSN_TEMPLATES_ARENA_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct DsnArenaBlock DsnArenaBlock;

typedef struct DsnArena {
    char *next, *end;
    DsnArenaBlock *blocks;
} DsnArena;

/* @first, of @size bytes and aligned to 16, is used before the heap is; it may be NULL. */
void dsn_arena_init(DsnArena *arena, void *first, size_t size);
void dsn_arena_clear(DsnArena *arena);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnArena, dsn_arena_clear)

/* A new block for at least @size bytes; use dsn_arena_alloc(). */
void *dsn_arena_grow(DsnArena *arena, size_t size);

/* @size bytes aligned to 16, not cleared; a pointer for none too (transfer none). */
static inline void *
dsn_arena_alloc(DsnArena *arena, size_t size)
{
    size_t rounded = (MAX(size, 1) + 15) & ~(size_t)15;

    if (rounded > (size_t)(arena->end - arena->next))
        return dsn_arena_grow(arena, rounded);

    void *memory = arena->next;
    arena->next += rounded;
    return memory;
}

#endif
