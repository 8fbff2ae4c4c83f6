/* SPDX-License-Identifier: MIT */
/* Writes a file's bytes as the C source of the embedded descriptors. A program of the build. */
#include <stdio.h>

int main(int argc, char **argv)
{
    FILE *in = argc == 2 ? fopen(argv[1], "rb") : NULL;
    size_t n = 0;
    int c;
    if (!in) {
        (void)fprintf(stderr, "usage: embed FILE\n");
        return 2;
    }
    puts("/* Made by gen/embed.c; not to be edited. */\n"
         "#include \"protocol/grpc/descriptors.h\"\n\n"
         "const unsigned char weir_protocol_grpc_descriptors[] = {");
    for (; (c = getc(in)) != EOF; n++)
        printf("%d,%s", c, n % 24 == 23 ? "\n" : "");
    printf("\n};\nconst size_t weir_protocol_grpc_descriptors_bytes = %zu;\n", n);
    int failed = ferror(in) || fflush(stdout) != 0;
    (void)fclose(in);
    return failed || n == 0;
}
