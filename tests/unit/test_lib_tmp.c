/* SPDX-License-Identifier: MIT */
/* The helpers of the tests are tested too. */
#include "test_random.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <string.h>
#include <unistd.h>

Test(lib_random, splitmix64_gives_its_known_sequence)
{
    struct weir_test_random r;
    unsetenv("WEIR_TEST_SEED");
    weir_test_random_init(&r, 1234567);
    /* The sequence published with the generator's reference code. */
    cr_assert_eq(weir_test_random_u64(&r), 6457827717110365317u);
    cr_assert_eq(weir_test_random_u64(&r), 3203168211198807973u);
    for (int i = 0; i < 1000; i++) {
        cr_assert_lt(weir_test_random_below(&r, 7), 7);
        double u = weir_test_random_unit(&r);
        cr_assert(u >= 0);
        cr_assert(u < 1);
    }
}

Test(lib_tmp, a_folder_goes_with_everything_in_it)
{
    struct weir_test_tmp t;
    weir_test_tmp_init(&t);
    weir_test_tmp_write(&t, "a/b/c", "xyz", 3);
    char path[512];
    weir_test_tmp_path(&t, "a/b/c", path, sizeof(path));
    size_t size;
    char *data = weir_test_tmp_read(path, &size);
    cr_assert_eq(size, 3);
    cr_assert_str_eq(data, "xyz");
    free(data);
    weir_test_tmp_deinit(&t);
    cr_assert_eq(access(path, F_OK), -1);
}
