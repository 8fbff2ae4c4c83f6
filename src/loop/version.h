/* SPDX-License-Identifier: MIT */
#ifndef WEIR_LOOP_VERSION_H
#define WEIR_LOOP_VERSION_H

/* Returns the version of libuv that runs ("1.44.2"), borrowed for ever. Runs on: any thread. */
const char *weir_loop_version_text(void);

#endif
