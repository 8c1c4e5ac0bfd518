/* How the process may end; sallyport(8) and the unit file count on these numbers. */
#ifndef SALLYPORT_DAEMON_EXIT_CODE_H
#define SALLYPORT_DAEMON_EXIT_CODE_H

enum exit_code {
    EXIT_OK,      /* done, or drained */
    EXIT_RUNTIME, /* something failed that no configuration can mend */
    EXIT_USAGE,
    EXIT_CONFIG,
    EXIT_CUT, /* connections were cut: the drain took too long, or was cut short */
};

#endif
