/* Addresses from any text, and text from any address the kernel could name: what was read is
 * written so that it is read again the same. */
#include "base/require.h"
#include "fuzz.h"
#include "io/address.h"

#include <stdlib.h>
#include <string.h>

static void check_text(struct bytes_const bytes);
static void check_again(const struct address *address);
static void check_raw(struct bytes_const bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes_const tape = {data, size};

    if (fuzz_byte(&tape) == 0) {
        check_raw(tape);
    } else {
        check_text((struct bytes_const){data, size});
    }
    return 0;
}

static void check_text(struct bytes_const bytes)
{
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    const char    *problem = NULL;
    char          *text = strndup((const char *)bytes.data, bytes.len);

    require(text != NULL);
    size_t count = address_parse(text, addresses, &problem);

    require((count == 0) == (problem != NULL));
    for (size_t i = 0; i < count; i++) {
        check_again(&addresses[i]);
    }
    free(text);
}

static void check_again(const struct address *address)
{
    struct address again[ADDRESSES_PER_TEXT_MAX];
    char           text[ADDRESS_TEXT_BYTES];
    const char    *problem = NULL;

    require(address_parse(address_text(address, text), again, &problem) == 1);
    require(address_is_equal(address, &again[0]) && address_is_equal(&again[0], address));
    require(again[0].len == address->len);
}

/* The kernel fills in at least the family, and at most the whole. */
static void check_raw(struct bytes_const bytes)
{
    struct address address = {0};
    char           text[ADDRESS_TEXT_BYTES];

    if (bytes.len < sizeof(sa_family_t)) {
        return;
    }
    address.len =
        (socklen_t)(bytes.len < sizeof(address.socket) ? bytes.len : sizeof(address.socket));
    memcpy(&address.socket, bytes.data, address.len);
    require(strlen(address_text(&address, text)) < sizeof(text) && text[0] != '\0');
    require(address_is_equal(&address, &address));
}
