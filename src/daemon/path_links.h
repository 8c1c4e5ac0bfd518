/* What a path depends on: the entries of directories that decide what it leads to. */
#ifndef SALLYPORT_DAEMON_PATH_LINKS_H
#define SALLYPORT_DAEMON_PATH_LINKS_H

typedef void path_link(void *owner, const char *directory, const char *name);

/*
 * Follows the path, through every symbolic link on it, and calls `each` with the links, the
 * directory of what it leads to, and that itself: a change of any of these entries may lead
 * elsewhere. Where the path ends early, with the entry that is missing.
 */
void path_links(const char *path, path_link *each, void *owner);

#endif
