/* How many CPUs this process may use: its affinity, cut down by the quota of its cgroups. */
#ifndef SALLYPORT_DAEMON_CPUS_H
#define SALLYPORT_DAEMON_CPUS_H

/* At least 1. */
unsigned cpus_allowed(void);

/* Whole CPUs of a cpu.max file's text, "200000 100000" (cgroup v2), rounded up: a quota of 1.5
 * keeps two threads busy. 0: no limit, or no such text. */
unsigned cpus_of_quota(const char *cpu_max);

/* The smallest quota of a cgroup and those above it. `root` is where the hierarchy is mounted,
 * `group` its path below ("/system.slice/x.service"). 0: none has one. */
unsigned cpus_of_cgroup(const char *root, const char *group);

#endif
