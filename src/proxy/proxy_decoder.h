/*
 * Reads a PROXY header of either version as it comes, however it is cut into pieces, and not one
 * byte beyond its end. Strict: what the protocol does not allow is refused, whole. Of version 2's
 * further facts (TLVs) only the checksum is used; the others are passed over as they come, so that
 * 64 KiB of them take no memory.
 */
#ifndef SALLYPORT_PROXY_PROXY_DECODER_H
#define SALLYPORT_PROXY_PROXY_DECODER_H

#include "base/bytes.h"
#include "proxy/proxy_header.h"
#include "proxy/proxy_wire.h"

#include <stdbool.h>
#include <stdint.h>

enum proxy_next {
    PROXY_FEED_ME, /* all input is used, and the header goes on */
    PROXY_DONE,
    PROXY_REFUSED, /* see proxy_decoder_fault */
};

/* What is wrong with a header: a closed list. */
enum proxy_fault {
    PROXY_FAULT_NONE,
    PROXY_FAULT_SIGNATURE,     /* it begins like neither version */
    PROXY_FAULT_LINE_LONG,     /* over 107 bytes */
    PROXY_FAULT_LINE_END,      /* CR or LF alone */
    PROXY_FAULT_LINE_PROTOCOL, /* neither TCP4 nor TCP6 nor UNKNOWN */
    PROXY_FAULT_LINE_ADDRESS,
    PROXY_FAULT_LINE_PORT,
    PROXY_FAULT_VERSION,
    PROXY_FAULT_COMMAND,
    PROXY_FAULT_FAMILY,
    PROXY_FAULT_LENGTH, /* less than the addresses take */
    PROXY_FAULT_TLV,    /* one that does not end where the header does, or of a wrong length */
    PROXY_FAULT_CRC32C,
    /* Who feeds the decoder finds these. */
    PROXY_FAULT_CUT,
    PROXY_FAULT_LATE,
    PROXY_FAULTS_COUNT
};

enum { PROXY_DECODER_KEPT_BYTES = PROXY_HEAD_BYTES + PROXY_PATH_PAIR_BYTES };

/* Zeroed memory has not read anything. */
struct proxy_decoder {
    /* private */
    uint32_t sum;         /* CRC-32C of all that came, its own bytes taken as zeros */
    uint32_t told_sum;    /* what the header says it is */
    uint16_t block_left;  /* of what follows the first 16 bytes, still to come */
    uint16_t value_left;  /* of the present TLV */
    uint16_t value_bytes; /* all of it */
    uint16_t kept_bytes;
    uint8_t  part;  /* enum decoder_part */
    uint8_t  fault; /* enum proxy_fault */
    uint8_t  tlv_head[PROXY_TLV_HEAD_BYTES];
    uint8_t  tlv_head_bytes;
    bool     has_told_sum;
    uint8_t  kept[PROXY_DECODER_KEPT_BYTES]; /* the line, or the first 16 bytes and the addresses */
};

/* Takes bytes from the front of `input`. PROXY_DONE fills `header`; not to be called again after
 * that, nor after PROXY_REFUSED. Addresses of a family that is no stream of ours are left out. */
enum proxy_next proxy_decoder_feed(struct proxy_decoder *decoder, struct bytes_const *input,
                                   struct proxy_header *header);

/* True when something has come. */
bool proxy_decoder_has_begun(const struct proxy_decoder *decoder);

/* True when a connection with this first byte may have a header; no TLS record begins so. */
bool proxy_decoder_may_begin(uint8_t first);

enum proxy_fault proxy_decoder_fault(const struct proxy_decoder *decoder);

/* For people: "an address is malformed"; static. */
const char *proxy_fault_text(enum proxy_fault fault);

#endif
