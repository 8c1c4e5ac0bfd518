#include "loading.h"
#include "suites.h"

#include <stdio.h>
#include <string.h>

#define FRONTEND_WITH(more) "frontends = ( { listen = \"*:443\"; backend = \"b\";\n" more " } );\n"
#define SERVERS             "servers = ( { address = \"127.0.0.1:1\"; } );"

START_TEST(an_unknown_backend_is_an_error_that_names_the_one_meant)
{
    check_refused(
        "frontends = ( { listen = \"*:443\"; pem-file = \"x\";\nbackend = \"websrever\"; } );\n"
        "backends = ( { name = \"app\"; " SERVERS " }, { name = \"webserver\"; " SERVERS " } );\n",
        "test:2: error: there is no backend \"websrever\", did you mean \"webserver\"?");
    check_refused(
        "frontends = ( { listen = \"*:443\"; pem-file = \"x\"; backend = \"other\"; } );\n"
        "backends = ( { name = \"app\"; " SERVERS " } );\n",
        "test:1: error: there is no backend \"other\"");
}
END_TEST

START_TEST(an_unknown_backend_of_a_route_is_an_error_at_its_line)
{
    check_refused(FRONTEND_WITH("pem-file = \"x\"; routes = (\n{ sni = \"a.example\"; backend = "
                                "\"bb\"; } );") BACKENDS,
                  "test:3: error: there is no backend \"bb\", did you mean \"b\"?");
}
END_TEST

START_TEST(names_of_backends_are_their_own)
{
    check_refused(FRONTENDS "backends = ( { name = \"b\"; " SERVERS " },\n{ name = \"b\"; " SERVERS
                            " } );\n",
                  "test:3: error: backend \"b\" was defined already, at test:2");
}
END_TEST

START_TEST(names_of_frontends_are_their_own)
{
    check_refused(
        "frontends = (\n"
        "{ name = \"f\"; listen = \"*:1\"; pem-file = \"x\"; backend = \"b\"; },\n"
        "{ name = \"f\"; listen = \"*:2\"; pem-file = \"x\"; backend = \"b\"; } );\n" BACKENDS,
        "test:3: error: frontend \"f\" was defined already, at test:2");
}
END_TEST

START_TEST(backends_without_a_name_are_not_called_the_same)
{
    struct loaded loaded = load_text(FRONTENDS "backends = ( { name = \"b\"; " SERVERS
                                               " },\n{ " SERVERS " },\n{ " SERVERS " } );\n");

    ck_assert_str_eq(loaded_problem(&loaded, 0), "test:3: error: a backend needs name");
    ck_assert_str_eq(loaded_problem(&loaded, 1), "test:4: error: a backend needs name");
    ck_assert_str_eq(loaded_problem(&loaded, 2), "");
    loaded_fini(&loaded);
}
END_TEST

START_TEST(acme_tls_is_no_protocol_of_ordinary_certificates)
{
    check_refused(FRONTEND_WITH("pem-file = \"x\"; alpn = [ \"h2\",\n\"acme-tls/1\" ];") BACKENDS,
                  "test:3: error: alpn: acme-tls/1 is answered by way of acme-dir alone");
}
END_TEST

START_TEST(each_certificate_needs_its_own_key_and_chain_where_any_has_one)
{
    check_refused(FRONTEND_WITH("key = \"x\";") BACKENDS,
                  "test:1: error: cert has 0 files and key 1: each certificate needs its own");
    check_refused(FRONTEND_WITH("pem-file = \"p\"; cert = ( \"x\", \"y\" ); key = \"x\";") BACKENDS,
                  "test:1: error: cert has 2 files and key 1: each certificate needs its own");
    check_refused(FRONTEND_WITH("cert = \"x\"; chain = ( \"x\", \"y\" );") BACKENDS,
                  "test:1: error: cert has 1 files and chain 2: each certificate needs its own");
    static const char *const accepted[] = {
        FRONTEND_WITH("cert = \"x\";") BACKENDS,
        FRONTEND_WITH("cert = ( \"x\", \"y\" ); key = ( \"x\", \"y\" );") BACKENDS,
        FRONTEND_WITH("cert = \"x\"; key = \"k\"; chain = \"c\";") BACKENDS,
        FRONTEND_WITH("certificates = ( { cert = \"x\"; } );") BACKENDS};

    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
        struct config *config = check_accepted(accepted[i]);

        config_free(&config);
    }
}
END_TEST

START_TEST(a_passphrase_comes_from_one_place_and_a_program_has_a_full_path)
{
    check_refused(FRONTEND_WITH("pem-file = \"x\"; key-passphrase-file = \"f\";\n"
                                "key-passphrase-cmd = \"/bin/true\";") BACKENDS,
                  "test:3: error: key-passphrase-file and key-passphrase-cmd exclude each other");
    check_refused(FRONTEND_WITH("pem-file = \"x\"; certificates = ( { cert = \"x\";\n"
                                "key-passphrase-cmd = [ \"pass\", \"show\" ]; } );") BACKENDS,
                  "test:3: error: key-passphrase-cmd: the program's full path is wanted, found "
                  "\"pass\"");
    struct config *config = check_accepted(
        FRONTEND_WITH("pem-file = \"x\"; key-passphrase-file = \"f\"; certificates = "
                      "( { cert = \"x\"; key-passphrase-cmd = \"/bin/true\"; } );") BACKENDS);

    config_free(&config);
}
END_TEST

START_TEST(an_ocsp_file_belongs_to_a_certificate_that_is_named)
{
    struct config *config =
        check_accepted(FRONTEND_WITH("pem-file = \"p\"; cert = \"x\"; key = \"x\"; "
                                     "ocsp-file = ( \"p.ocsp\", \"x.ocsp\" );") BACKENDS);

    config_free(&config);
    config = check_accepted(FRONTEND_WITH("pem-file = ( \"p\", \"q\" ); ocsp-file = \"p.ocsp\";")
                                BACKENDS);
    config_free(&config);
    check_refused(FRONTEND_WITH("pem-dir = \"d\";\nocsp-file = \"x\";") BACKENDS,
                  "test:3: error: ocsp-file has 1 files, and pem-file and cert only 0");
}
END_TEST

START_TEST(one_certificate_is_the_default)
{
    check_refused(FRONTEND_WITH("certificates = ( { cert = \"x\"; default = true; },\n"
                                "{ cert = \"y\"; }, { cert = \"z\"; default = true; } );") BACKENDS,
                  "test:3: error: default: another certificate is that already, at test:2");
}
END_TEST

START_TEST(a_frontend_needs_a_certificate)
{
    check_refused(
        FRONTEND_WITH("") BACKENDS,
        "test:1: error: a frontend needs pem-file, cert and key, certificates, or pem-dir");
    check_refused(
        FRONTEND_WITH("pem-file = ( );") BACKENDS,
        "test:1: error: a frontend needs pem-file, cert and key, certificates, or pem-dir");
}
END_TEST

START_TEST(versions_are_known_and_in_order)
{
    check_refused(FRONTEND_WITH("pem-file = \"x\";\nmin-version = \"TLSv1.3\";\n"
                                "max-version = \"TLSv1.2\";") BACKENDS,
                  "test:3: error: min-version is above max-version");
    check_refused(
        FRONTEND_WITH("pem-file = \"x\";\nmin-version = \"1.2\";") BACKENDS,
        "test:3: error: min-version: one of TLSv1.0|TLSv1.1|TLSv1.2|TLSv1.3 is wanted, found "
        "\"1.2\"");
    check_refused(
        FRONTEND_WITH("pem-file = \"x\";\nmax-version = \"SSLv3\";") BACKENDS,
        "test:3: error: max-version: one of TLSv1.0|TLSv1.1|TLSv1.2|TLSv1.3 is wanted, found "
        "\"SSLv3\"");
    struct config *config = check_accepted(FRONTEND_WITH(
        "pem-file = \"x\"; min-version = \"TLSv1.2\"; max-version = \"TLSv1.2\";") BACKENDS);

    config_free(&config);
}
END_TEST

START_TEST(a_hello_longer_than_the_handshake_is_warned_of_where_it_stands)
{
    check_warned(SMALLEST "timeouts = { hello = \"20s\"; };",
                 "test:3: warning: timeouts: hello is longer than handshake, which ends it first");
    check_warned("timeouts = { handshake = \"2s\"; };\n" SMALLEST,
                 "test:1: warning: timeouts: hello is longer than handshake, which ends it first");
}
END_TEST

START_TEST(a_log_file_goes_with_the_target_file_and_no_other)
{
    check_refused(SMALLEST "\nlog = { target = \"file\"; };",
                  "test:4: error: target \"file\" needs file");
    check_refused(SMALLEST "access-log = { target = \"file\"; };",
                  "test:3: error: target \"file\" needs file");
    check_warned(SMALLEST "log = {\nfile = \"/x\"; };",
                 "test:4: warning: file is not used, the target is another");
    struct config *config = check_accepted(SMALLEST "log = { target = \"file\"; file = \"/x\"; };");

    config_free(&config);
}
END_TEST

START_TEST(a_control_socket_has_an_absolute_path_and_octal_permissions)
{
    char text[512];
    char path[200];

    check_refused(SMALLEST "\ncontrol = { socket = \"control.sock\"; };",
                  "test:4: error: socket: a path that begins with \"/\" is wanted, found "
                  "\"control.sock\"");
    memset(path, 'x', sizeof(path) - 1);
    path[0] = '/';
    path[108] = '\0';
    (void)snprintf(text, sizeof(text), SMALLEST "control = { socket = \"%s\"; };", path);
    check_refused(text, "test:3: error: socket: a path of at most 107 bytes is wanted");
    check_refused(SMALLEST "control = { mode = \"rw\"; };",
                  "test:3: error: mode: octal digits such as \"0660\" are wanted, found \"rw\"");
    check_warned(
        SMALLEST "control = { socket = \"/x\";\nmode = \"0666\"; };",
        "test:4: warning: mode: with \"0666\" everyone on this machine may use the socket");
    path[107] = '\0';
    (void)snprintf(text, sizeof(text), SMALLEST "control = { socket = \"%s\"; };", path);
    struct config *config = check_accepted(text);

    ck_assert_str_eq(config->control.mode.text, "0660");
    ck_assert_int_eq(config->control.level, CONFIG_CONTROL_OPERATOR);
    config_free(&config);
}
END_TEST

START_TEST(frontends_without_a_name_are_numbered)
{
    struct config *config = check_accepted(
        "frontends = ( { name = \"web\"; listen = \"*:1\"; pem-file = \"x\"; backend = \"b\"; },"
        "{ listen = \"*:2\"; pem-file = \"x\"; backend = \"b\"; } );\n" BACKENDS);

    ck_assert_str_eq(config->frontends[0].name.text, "web");
    ck_assert_str_eq(config->frontends[1].name.text, "frontend2");
    config_free(&config);
}
END_TEST

START_TEST(a_backend_is_found_by_its_whole_name)
{
    struct config *config = check_accepted(SMALLEST);

    ck_assert_ptr_eq(config_find_backend(config, "b"), &config->backends[0]);
    ck_assert_ptr_null(config_find_backend(config, "B"));
    ck_assert_ptr_null(config_find_backend(config, "bb"));
    ck_assert_ptr_null(config_find_backend(config, ""));
    config_free(&config);
}
END_TEST

START_TEST(ticket_keys_come_from_one_place_only)
{
    check_refused("ticket-keys = \"k\";\nticket-secret = \"s\";\n" SMALLEST,
                  "test:2: error: ticket-keys and ticket-secret exclude each other");
    check_warned("\nticket-fleet = \"edge\";\n" SMALLEST,
                 "test:2: warning: ticket-fleet is not used without ticket-secret");
}
END_TEST

START_TEST(a_fleets_name_fits_into_its_place)
{
    char text[512];
    char name[257] = "";

    memset(name, 'a', 256);
    (void)snprintf(text, sizeof(text), "ticket-secret = \"s\"; ticket-fleet = \"%s\";\n%s", name,
                   SMALLEST);
    check_refused(text, "test:1: error: ticket-fleet has at most 255 bytes");
}
END_TEST

Suite *check_suite(void)
{
    return suite_of("check", (const TTest *const[]){
                                 an_unknown_backend_is_an_error_that_names_the_one_meant,
                                 an_unknown_backend_of_a_route_is_an_error_at_its_line,
                                 names_of_backends_are_their_own,
                                 names_of_frontends_are_their_own,
                                 backends_without_a_name_are_not_called_the_same,
                                 acme_tls_is_no_protocol_of_ordinary_certificates,
                                 an_ocsp_file_belongs_to_a_certificate_that_is_named,
                                 each_certificate_needs_its_own_key_and_chain_where_any_has_one,
                                 a_passphrase_comes_from_one_place_and_a_program_has_a_full_path,
                                 one_certificate_is_the_default,
                                 a_frontend_needs_a_certificate,
                                 versions_are_known_and_in_order,
                                 a_hello_longer_than_the_handshake_is_warned_of_where_it_stands,
                                 a_log_file_goes_with_the_target_file_and_no_other,
                                 a_control_socket_has_an_absolute_path_and_octal_permissions,
                                 frontends_without_a_name_are_numbered,
                                 a_backend_is_found_by_its_whole_name,
                                 ticket_keys_come_from_one_place_only,
                                 a_fleets_name_fits_into_its_place,
                                 NULL});
}
