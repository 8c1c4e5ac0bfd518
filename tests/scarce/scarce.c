/*
 * The daemon with an allocator that fails when told: linked into a binary of the tests, where its
 * malloc, calloc and realloc take the place of everybody's, the C library's and OpenSSL's included.
 * What is to fail is written by the test, at any time, into a file that both have mapped.
 *
 * libconfig's own allocations are spared: it looks at none of them, and room config sees to it
 * beforehand that there is room.
 */
#include "scarce.h"

#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#define NEXT(name) __interceptor_##name
#else
#define NEXT(name) __libc_##name
#endif

void *NEXT(malloc)(size_t bytes);
void *NEXT(calloc)(size_t count, size_t bytes);
void *NEXT(realloc)(void *memory, size_t bytes);

struct code {
    uintptr_t from;
    uintptr_t to;
};

static struct scarce *orders;
static struct code    own;
static struct code    libconfig;

static int   find_code(struct dl_phdr_info *object, size_t bytes, void *ignored);
static bool  is_in(const struct code *code, const void *caller);
static bool  fails(const void *caller);
static char *copy(const char *text);
char        *__strdup(const char *text);

__attribute__((constructor)) static void map_orders(void)
{
    const char *path = getenv(SCARCE_FILE);
    int         fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void       *memory = MAP_FAILED;

    (void)dl_iterate_phdr(find_code, NULL);
    if (fd >= 0) {
        memory = mmap(NULL, sizeof(*orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        (void)close(fd);
    }
    orders = memory != MAP_FAILED ? memory : NULL;
}

void *malloc(size_t bytes)
{
    return fails(__builtin_return_address(0)) ? NULL : NEXT(malloc)(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    return fails(__builtin_return_address(0)) ? NULL : NEXT(calloc)(count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    return fails(__builtin_return_address(0)) ? NULL : NEXT(realloc)(memory, bytes);
}

/* The C library's would call malloc itself, and the caller not be seen. libconfig knows it by its
 * other name. */
char *strdup(const char *text)
{
    return fails(__builtin_return_address(0)) ? NULL : copy(text);
}

char *__strdup(const char *text)
{
    return fails(__builtin_return_address(0)) ? NULL : copy(text);
}

static char *copy(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char  *made = NEXT(malloc)(bytes);

    return made != NULL ? memcpy(made, text, bytes) : NULL;
}

/* The program itself comes without a name. */
static int find_code(struct dl_phdr_info *object, size_t bytes, void *ignored)
{
    bool         is_own = object->dlpi_name[0] == '\0' && own.to == 0;
    struct code *code = is_own                                               ? &own
                        : strstr(object->dlpi_name, "/libconfig.so") != NULL ? &libconfig
                                                                             : NULL;

    (void)bytes;
    (void)ignored;
    for (int i = 0; code != NULL && i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];

        if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0) {
            code->from = object->dlpi_addr + part->p_vaddr;
            code->to = code->from + part->p_memsz;
        }
    }
    return 0;
}

static bool is_in(const struct code *code, const void *caller)
{
    return (uintptr_t)caller >= code->from && (uintptr_t)caller < code->to;
}

static bool fails(const void *caller)
{
    if (orders == NULL || atomic_load(&orders->first) == 0 || is_in(&libconfig, caller) ||
        (atomic_load(&orders->is_own) != 0 && !is_in(&own, caller))) {
        return false;
    }
    uint64_t number = atomic_fetch_add(&orders->count, 1) + 1;
    bool is_failing = number >= atomic_load(&orders->first) && number <= atomic_load(&orders->last);

    if (is_failing) {
        atomic_fetch_add(&orders->failed, 1);
    }
    return is_failing;
}
