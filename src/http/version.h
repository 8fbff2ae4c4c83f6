/* SPDX-License-Identifier: MIT */
#ifndef WEIR_HTTP_VERSION_H
#define WEIR_HTTP_VERSION_H

/* Returns the version of llhttp that was built in ("9.2.1"), borrowed for ever. Runs on: any
 * thread. */
const char *weir_http_version_text(void);

/* The same of nghttp2 ("1.52.0"), the one that is there at run time. */
const char *weir_http_version_h2_text(void);

#endif
