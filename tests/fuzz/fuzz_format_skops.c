/* SPDX-License-Identifier: MIT */
/* Any bytes as the schema.json of a .skops file (the archive around it is made here, so that its
 * checksums do not keep the fuzzer out), or as a whole archive. */
#include "format/format.h"
#include "format/skops/skops.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct weir_format_opts opts = {
    .version = WEIR_FORMAT_OPTS_VERSION,
    .inflated_bytes_max = 4 << 20,
    .tree_bytes_max = 32 << 20,
    .model_bytes_max = 32 << 20,
    .n_ops_max = 1 << 16,
};

static void load(const void *bytes, size_t n)
{
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    if (weir_format_load_bytes(&model, bytes, n, "fuzz", &opts, &err) == WEIR_OK)
        weir_model_free(model);
}

/* Writes an archive of the schema and one array that nodes may name ("m"). */
static char *write_zip(const uint8_t *schema, size_t n_schema, size_t *n)
{
    static const char npy[] = "\x93NUMPY\x01\x00\x3a\x00{'descr': '<f8', 'fortran_order': False, "
                              "'shape': (2,), }  \0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\xf0\x3f";
    zip_error_t error;
    zip_stat_t st;
    zip_source_t *to = zip_source_buffer_create(NULL, 0, 0, &error);
    if (!to)
        abort();
    zip_source_keep(to);
    zip_t *zip = zip_open_from_source(to, ZIP_TRUNCATE, &error);
    if (!zip)
        abort();
    zip_file_add(zip, "schema.json", zip_source_buffer(zip, schema, n_schema, 0), 0);
    zip_file_add(zip, "m", zip_source_buffer(zip, npy, sizeof npy - 1, 0), 0);
    if (zip_close(zip) != 0 || zip_source_stat(to, &st) != 0 || zip_source_open(to) != 0)
        abort();
    char *out = malloc(st.size);
    if (!out || zip_source_read(to, out, st.size) != (zip_int64_t)st.size)
        abort();
    zip_source_close(to);
    zip_source_free(to);
    *n = st.size;
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] == 'P') {
        load(data, size);
        return 0;
    }
    size_t n;
    char *zip = write_zip(data, size, &n);
    load(zip, n);
    free(zip);
    return 0;
}
