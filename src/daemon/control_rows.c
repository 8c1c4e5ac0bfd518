#include "daemon/control_rows.h"

#include "base/clock.h"

#include <string.h>

static void put_known(struct control_answer *answer, const char *key, const char *value);

/* In the words of the access log. */
void control_row_put(struct control_answer *answer, const struct session_row *row)
{
    char id[SESSION_ID_BYTES];
    char client[ADDRESS_TEXT_BYTES];

    session_id_text(&row->id, id);
    control_answer_row_begin(answer);
    control_answer_string(answer, "id", id);
    put_known(answer, "client", address_text(&row->client, client));
    control_answer_string(answer, "fe", row->frontend);
    put_known(answer, "be", row->backend);
    put_known(answer, "srv", row->server);
    control_answer_string(answer, "sni", row->sni);
    put_known(answer, "tls", row->tls);
    control_answer_string(answer, "state", row->state);
    control_answer_number(answer, "worker", row->id.reactor);
    control_answer_number(answer, "age_ms", row->age_ns / NS_PER_MS);
    control_answer_number(answer, "in", row->bytes_in);
    control_answer_number(answer, "out", row->bytes_out);
    control_answer_row_end(answer);
}

static void put_known(struct control_answer *answer, const char *key, const char *value)
{
    control_answer_string(answer, key, strcmp(value, "-") == 0 ? NULL : value);
}
