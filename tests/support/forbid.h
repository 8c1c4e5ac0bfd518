/* System calls that fail from here on, in this process and for good: for a child of a test. */
#ifndef SALLYPORT_SUPPORT_FORBID_H
#define SALLYPORT_SUPPORT_FORBID_H

/* Every call of that number fails with that errno. */
void forbid(int call, int error_code);

/* Only those with this first argument. */
void forbid_with(int call, unsigned first_argument, int error_code);

#endif
