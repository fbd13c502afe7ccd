/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/arena.h"

#define BLOCK_SIZE ((size_t)16384)

struct DsnArenaBlock {
    _Alignas(16) DsnArenaBlock *next;
};

void
dsn_arena_init(DsnArena *arena, void *first, size_t size)
{
    arena->next = first;
    arena->end = first == NULL ? NULL : arena->next + size;
    arena->blocks = NULL;
}

void
dsn_arena_clear(DsnArena *arena)
{
    while (arena->blocks != NULL) {
        DsnArenaBlock *next = arena->blocks->next;

        g_free(arena->blocks);
        arena->blocks = next;
    }
    arena->next = arena->end = NULL;
}

void *
dsn_arena_grow(DsnArena *arena, size_t size)
{
    /* A large request gets a block of its own, and what is left of the current one stays in use. */
    bool own = size > BLOCK_SIZE / 4;
    size_t room = own ? size : BLOCK_SIZE;
    DsnArenaBlock *block = g_malloc(sizeof *block + room);
    char *memory = (char *)(block + 1);

    block->next = arena->blocks;
    arena->blocks = block;
    if (!own) {
        arena->next = memory + size;
        arena->end = memory + room;
    }
    return memory;
}
