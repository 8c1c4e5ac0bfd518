/*
 * One line that came over the control socket, read: which command it is, or what is wrong with it.
 * Pure: it asks nobody and changes nothing.
 */
#ifndef SALLYPORT_DAEMON_CONTROL_COMMAND_H
#define SALLYPORT_DAEMON_CONTROL_COMMAND_H

#include "base/bytes.h"
#include "base/text.h"
#include "proxy/session_id.h"

#include <stdbool.h>
#include <stddef.h>

/* Who may do what: each may do what those before it may. */
enum control_level { CONTROL_USER, CONTROL_OPERATOR, CONTROL_ADMIN };

enum control_verb {
#define COMMAND(name, words, level, argument, help) CONTROL_##name,
#include "daemon/control_commands.def"
#undef COMMAND
    CONTROL_VERBS,
};

struct control_row {
    const char        *words;
    enum control_level level;
    const char        *argument; /* "": none */
    const char        *help;
};

struct control_command {
    enum control_verb verb;
    bool              is_json;
    struct session_id session; /* SHUTDOWN_SESSION */
};

/* What can be wrong with a line. */
enum control_problem {
    CONTROL_SOUND,
    CONTROL_EMPTY,
    CONTROL_BAD_BYTE,   /* not printable ASCII, space or tab */
    CONTROL_UNKNOWN,    /* a word that no command has there */
    CONTROL_UNFINISHED, /* words or the argument are missing */
    CONTROL_TOO_MANY,   /* words are left over */
    CONTROL_BAD_ARGUMENT,
    CONTROL_JSON_MISPLACED /* of a command that shows nothing */
};

/* A problem as one line of text fits in here. */
enum { CONTROL_PROBLEM_BYTES = 512 };

const struct control_row *control_row(enum control_verb verb);
const char               *control_level_name(enum control_level level);

/* Reads a line without its end. Unless it is sound, `why` says what is wrong with it. */
__attribute__((warn_unused_result)) enum control_problem
control_command_read(struct bytes_const line, struct control_command *command, struct text *why);

#endif
