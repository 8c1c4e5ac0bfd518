/*
 * What scripts/instructions counts, and the marks by which callgrind knows it: an operation's
 * rounds stand between counted_begin and counted_end, and only what runs inside of counted_run is
 * counted. Callgrind is told these names, so they are functions that no compiler may take apart.
 */
#ifndef SALLYPORT_TESTS_BENCH_COUNTED_H
#define SALLYPORT_TESTS_BENCH_COUNTED_H

typedef void counted_work(void);

void counted_begin(void);
void counted_run(counted_work *work);
void counted_end(void);

/* One thing that is done over and over, always in the same way. */
struct operation {
    const char *name; /* NULL: the end of a list */
    unsigned    rounds;
    void (*run)(void); /* a round */
};

/* The server's side of a handshake, engine to engine, in memory. */
void                          tls_rounds_open(void);
void                          tls_rounds_close(void);
extern const struct operation tls_rounds[];

/* A worker with one client and one server, on a driver of room io. False: it is not to be had. */
__attribute__((warn_unused_result)) _Bool worker_rounds_open(const char *driver);
void                                      worker_rounds_close(void);
extern const struct operation             worker_rounds[];

#endif
