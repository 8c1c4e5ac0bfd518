/*
 * require(cond): a check of our own logic that stays on in release builds.
 * Never for bytes from a peer, a file, or a refusal by the kernel: those are errors, not mistakes.
 */
#ifndef SALLYPORT_BASE_REQUIRE_H
#define SALLYPORT_BASE_REQUIRE_H

/* Prints the broken condition and where it stands on stderr, then aborts. */
_Noreturn void require_failed(const char *condition, const char *file, int line);

#define require(condition)                                                                         \
    (__builtin_expect(!!(condition), 1) ? (void)0 : require_failed(#condition, __FILE__, __LINE__))

#endif
