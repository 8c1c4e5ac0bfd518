/*
 * What opens encrypted keys: the first line of a file, or of what a program prints. Asked for when
 * the first such key comes, once for all keys of the same place, and wiped.
 */
#ifndef SALLYPORT_PROXY_PASSPHRASE_H
#define SALLYPORT_PROXY_PASSPHRASE_H

#include "base/bytes.h"
#include "base/text.h"
#include "config/strings.h"
#include "proxy/pem_file.h"
#include "tls/certificate.h"

#include <stdbool.h>
#include <stdint.h>

/* A program has so long; all of one reload together twice that, which is less than the service
 * manager's watchdog waits for a sign of the control thread. */
enum { PASSPHRASE_SECONDS_MAX = 10, PASSPHRASES_SECONDS_MAX = 20, PASSPHRASE_PROBLEM_BYTES = 512 };

struct passphrase {
    const struct config_string  *file;    /* "": none */
    const struct config_strings *command; /* empty: none */
    uint64_t until_ns; /* a program must have ended by then; may be set after passphrase_init */
    /* private */
    enum { PASSPHRASE_NOT_ASKED, PASSPHRASE_THERE, PASSPHRASE_FAILED } state;
    uint8_t             bytes[TLS_PASSPHRASE_BYTES_MAX];
    size_t              len;
    struct pem_identity identity;
    bool                is_settled;
    bool                is_public;
    char                problem[PASSPHRASE_PROBLEM_BYTES];
};

/* Both outlive it. */
void passphrase_init(struct passphrase *passphrase, const struct config_string *file,
                     const struct config_strings *command);
void passphrase_wipe(struct passphrase *passphrase);

/* False: none is configured. */
bool passphrase_is_given(const struct passphrase *passphrase);

/* A number for the place it comes from: two of the same place have the same. 0: none is given. */
uint64_t passphrase_place(const struct passphrase *passphrase);

/* Asks, the first time; it then points into it. False, and `problem` begins with the path, or with
 * "key-passphrase-cmd". The program's complaints go to the log. */
__attribute__((warn_unused_result)) bool
passphrase_get(struct passphrase *passphrase, struct bytes_const *bytes, struct text *problem);

#endif
