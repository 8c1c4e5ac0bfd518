#include "reactor/mailbox.h"

#include "base/list.h"
#include "reactor/reactor.h"
#include "suites.h"

#include <pthread.h>
#include <sched.h>

enum { PRODUCERS = 4, LETTERS_EACH = 2000, TAKES_MAX = 50000000 };

struct letter {
    struct mail mail;
    unsigned    producer;
    unsigned    number;
};

struct producer {
    pthread_t       thread;
    struct mailbox *mailbox;
    unsigned        wakes;
    struct letter   letters[LETTERS_EACH];
};

static struct letter *letter_of(struct mail *mail)
{
    return container_of(mail, struct letter, mail);
}

START_TEST(mail_comes_out_in_the_order_it_was_posted)
{
    struct mailbox mailbox = {0};
    struct letter  letters[3] = {{.number = 0}, {.number = 1}, {.number = 2}};

    ck_assert_ptr_null(mailbox_take(&mailbox));
    for (size_t i = 0; i < 3; i++) {
        (void)mailbox_post(&mailbox, &letters[i].mail);
    }
    struct mail *mail = mailbox_take(&mailbox);

    for (unsigned i = 0; i < 3; i++) {
        ck_assert_ptr_eq(mail, &letters[i].mail);
        mail = mail->next;
    }
    ck_assert_ptr_null(mail);
    ck_assert_ptr_null(mailbox_take(&mailbox));
}
END_TEST

START_TEST(only_the_first_into_an_empty_box_wakes)
{
    struct mailbox mailbox = {0};
    struct letter  letters[3] = {0};

    ck_assert(mailbox_post(&mailbox, &letters[0].mail));
    ck_assert(!mailbox_post(&mailbox, &letters[1].mail));
    (void)mailbox_take(&mailbox);
    ck_assert(mailbox_post(&mailbox, &letters[2].mail));
}
END_TEST

START_TEST(mail_may_be_posted_again_once_it_was_taken)
{
    struct mailbox mailbox = {0};
    struct letter  letter = {0};

    for (int i = 0; i < 3; i++) {
        ck_assert(mailbox_post(&mailbox, &letter.mail));
        ck_assert_ptr_eq(mailbox_take(&mailbox), &letter.mail);
        ck_assert_ptr_null(letter.mail.next);
    }
}
END_TEST

static void *produce(void *argument)
{
    struct producer *producer = argument;

    for (unsigned i = 0; i < LETTERS_EACH; i++) {
        producer->letters[i].number = i;
        producer->wakes += mailbox_post(producer->mailbox, &producer->letters[i].mail) ? 1 : 0;
    }
    return NULL;
}

/* Notes the mail of one take; false when there was none. */
static bool take(struct mailbox *mailbox, unsigned *expected, unsigned *taken)
{
    struct mail *mail = mailbox_take(mailbox);
    bool         has_any = mail != NULL;

    while (mail != NULL) {
        struct letter *letter = letter_of(mail);

        ck_assert_uint_eq(letter->number, expected[letter->producer]);
        expected[letter->producer]++;
        (*taken)++;
        mail = mail->next;
    }
    return has_any;
}

START_TEST(many_producers_lose_nothing_and_each_keeps_its_order)
{
    static struct producer producers[PRODUCERS];
    struct mailbox         mailbox = {0};
    unsigned               expected[PRODUCERS] = {0};
    unsigned               taken = 0, batches = 0, wakes = 0;

    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i].mailbox = &mailbox;
        for (unsigned k = 0; k < LETTERS_EACH; k++) {
            producers[i].letters[k].producer = i;
        }
        ck_assert_int_eq(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
    }
    for (unsigned takes = 0; takes < TAKES_MAX && taken < PRODUCERS * LETTERS_EACH; takes++) {
        if (take(&mailbox, expected, &taken)) {
            batches++;
        } else {
            (void)sched_yield();
        }
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        ck_assert_int_eq(pthread_join(producers[i].thread, NULL), 0);
        wakes += producers[i].wakes;
    }
    ck_assert_uint_eq(taken, PRODUCERS * LETTERS_EACH);
    ck_assert_uint_eq(wakes, batches);
}
END_TEST

Suite *mailbox_suite(void)
{
    return suite_of("mailbox", (const TTest *const[]){
                                   mail_comes_out_in_the_order_it_was_posted,
                                   only_the_first_into_an_empty_box_wakes,
                                   mail_may_be_posted_again_once_it_was_taken,
                                   many_producers_lose_nothing_and_each_keeps_its_order, NULL});
}
