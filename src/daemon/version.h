/* What -V and -VV print. */
#ifndef SALLYPORT_DAEMON_VERSION_H
#define SALLYPORT_DAEMON_VERSION_H

void version_print(void);

/* Also what this host can do: each driver is opened and tested. */
void version_print_probed(void);

#endif
