/* SPDX-License-Identifier: MIT */
/* grpc.health.v1: the health of the server as a whole, by its empty name or by that of any service
 * it has. */
#include "protocol/grpc/pages.h"

/* Field numbers, and values of ServingStatus. */
enum {
    REQUEST_SERVICE = 1,
    RESPONSE_STATUS = 1,
    SERVING = 1,
    NOT_SERVING = 2,
    SERVICE_UNKNOWN = 3, /* to those who watch; to others an error */
};

enum weir_status weir_protocol_grpc_health_page(const struct weir_protocol_grpc_page *page)
{
    struct weir_str service;
    struct weir_str reason;
    if (!weir_protocol_grpc_pages_find_text(page->body, REQUEST_SERVICE, &service))
        return weir_protocol_grpc_pages_fail(page);
    bool is_known = service.n == 0 || weir_protocol_grpc_reflection_has(service);
    if (!is_known && page->action != WEIR_PROTOCOL_GRPC_HEALTH_WATCH)
        return weir_error_set(page->err, WEIR_ERR_NOT_FOUND, "there is no such service");
    bool is_ready = page->catalog->ops->is_ready(page->catalog, &reason);
    weir_codec_protobuf_put_u64(page->buf, RESPONSE_STATUS,
                                !is_known  ? SERVICE_UNKNOWN
                                : is_ready ? SERVING
                                           : NOT_SERVING);
    return WEIR_OK;
}
