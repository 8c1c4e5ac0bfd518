/*
 * What a command is answered: lines of key=value words, or the same as JSON. It grows as needed, up
 * to a bound, beyond which it is cut and says so.
 */
#ifndef SALLYPORT_DAEMON_CONTROL_ANSWER_H
#define SALLYPORT_DAEMON_CONTROL_ANSWER_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONTROL_ANSWER_BYTES_MAX = 16 * 1024 * 1024 };

struct control_answer {
    bool is_json; /* set before anything is put */
    /* private */
    char  *memory;
    size_t len;
    size_t room;
    bool   is_cut;     /* too long, or memory is short */
    bool   is_in_list; /* between list_begin and list_end */
    bool   is_nested;  /* the list stands in a row */
    bool   has_rows;
    bool   has_words; /* in the present row */
};

/* Zeroed memory is an empty answer. Frees what it holds; it is empty then. */
void control_answer_fini(struct control_answer *answer);

struct bytes_const control_answer_bytes(const struct control_answer *answer);
/* Empties it and keeps its memory: what was put has gone to the client, more of the same answer
 * follows. */
void control_answer_sent(struct control_answer *answer);

/* One line of text as it is, in both forms. */
__attribute__((format(printf, 2, 3))) void control_answer_line(struct control_answer *answer,
                                                               const char            *format, ...);
/* The lines of a text, but for empty ones. */
void control_answer_lines(struct control_answer *answer, const char *text);
/* The end of the answer: an empty line. */
void control_answer_end(struct control_answer *answer);

/* An answer is one row, an object in JSON, or a list of them; or a row whose last word is a list,
 * of that key (else NULL). */
void control_answer_list_begin(struct control_answer *answer, const char *key);
void control_answer_list_end(struct control_answer *answer);
void control_answer_row_begin(struct control_answer *answer);
void control_answer_row_end(struct control_answer *answer);

/* In a row that is an object by itself each word has a line of its own; in a list they share it.
 * NULL, and "" in text, are "not known": "-", or null. */
void control_answer_string(struct control_answer *answer, const char *key, const char *value);
void control_answer_bytes_value(struct control_answer *answer, const char *key,
                                struct bytes_const value);
void control_answer_number(struct control_answer *answer, const char *key, uint64_t value);
void control_answer_bool(struct control_answer *answer, const char *key, bool value);
/* Seconds since the epoch, as RFC 3339; 0 is "not known". */
void control_answer_time(struct control_answer *answer, const char *key, int64_t unix_s);

/* Several strings under one key: joined by commas, or an array. */
void control_answer_names_begin(struct control_answer *answer, const char *key);
void control_answer_name(struct control_answer *answer, struct bytes_const name);
void control_answer_names_end(struct control_answer *answer);

#endif
