/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/http-body.h"

#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

/* RFC 9659 section 3: no more than 8 MiB of window for this coding, whatever zstd itself allows.
 * Beside the window the decoder keeps a block of input and two of output. */
#define ZSTD_WINDOW_LOG 23
#define ZSTD_MEMORY (((size_t)1 << ZSTD_WINDOW_LOG) + ((size_t)1 << 19))
#define GZIP_MEMORY ((size_t)1 << 16)
#define FIRST_SIZE ((size_t)1 << 16)

bool
dsn_http_coding_parse(const char *text, DsnHttpCoding *ret_coding)
{
    static const struct {
        const char *name;
        DsnHttpCoding coding;
    } codings[] = {
        {"identity", DSN_HTTP_IDENTITY},
        {"gzip", DSN_HTTP_GZIP},
        {"x-gzip", DSN_HTTP_GZIP}, /* RFC 9110 section 8.4.1.3 */
        {"zstd", DSN_HTTP_ZSTD},
    };
    DsnSpan name = dsn_span_trim(dsn_span(text == NULL ? "identity" : text));

    for (size_t i = 0; i < G_N_ELEMENTS(codings); i++) {
        if (dsn_span_is(name, codings[i].name)) {
            *ret_coding = codings[i].coding;
            return true;
        }
    }
    return false;
}

size_t
dsn_http_body_largest(size_t sent, size_t inflated)
{
    return sent + 1 + inflated + 1 + ZSTD_MEMORY;
}

bool
dsn_http_body_start(DsnHttpBody *body, DsnHttpBudget *budget, size_t max, int64_t length)
{
    size_t most = length < 0 || (guint64)length > max ? max : (size_t)length;

    body->lease.budget = budget;
    if (!dsn_http_lease_take(&body->lease, most + 1, 0))
        return false;
    body->max = max;
    /* All that was announced: memory that is not written to costs nothing. */
    body->size = length < 0 ? MIN(FIRST_SIZE, max + 1) : most + 1;
    body->data = g_malloc(body->size);
    return true;
}

/* Room for one byte at least, in a buffer of at most @max + 1 bytes: a byte over the cap shows that
 * it was passed. False when it is full. */
static bool
make_room(DsnHttpBody *body, size_t max)
{
    if (body->len == body->size) {
        body->size = MIN(MAX(2 * body->size, FIRST_SIZE), max + 1);
        body->data = g_realloc(body->data, body->size);
    }
    return body->len < body->size;
}

bool
dsn_http_body_add(DsnHttpBody *body, DsnSpan bytes)
{
    while (bytes.len > 0) {
        if (!make_room(body, body->max))
            return false;

        size_t count = MIN(bytes.len, body->size - body->len);
        memcpy(body->data + body->len, bytes.data, count);
        body->len += count;
        bytes = dsn_span_from(bytes, count);
    }
    return body->len <= body->max;
}

void
dsn_http_body_end(DsnHttpBody *body)
{
    dsn_http_lease_shrink(&body->lease, body->size);
}

void
dsn_http_body_clear(DsnHttpBody *body)
{
    g_clear_pointer(&body->data, g_free);
    body->len = body->size = 0;
    if (body->lease.budget != NULL)
        dsn_http_lease_end(&body->lease);
}

/* ---- content codings ---- */

/* Both codings are a row of members or frames, one after the other. */
typedef struct Decoder {
    DsnHttpCoding coding;
    z_stream gzip;
    ZSTD_DStream *zstd;
    bool between; /* at the end of a member, perhaps the last */
} Decoder;

static bool
decoder_init(Decoder *decoder, DsnHttpCoding coding)
{
    enum { GZIP_ONLY = 16 };

    *decoder = (Decoder){.coding = coding};
    if (coding == DSN_HTTP_GZIP)
        return inflateInit2(&decoder->gzip, GZIP_ONLY + MAX_WBITS) == Z_OK;
    decoder->zstd = ZSTD_createDStream();
    return decoder->zstd != NULL && !ZSTD_isError(ZSTD_DCtx_setParameter(
                                        decoder->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG));
}

static void
decoder_clear(Decoder *decoder)
{
    if (decoder->coding == DSN_HTTP_GZIP)
        (void)inflateEnd(&decoder->gzip);
    else
        (void)ZSTD_freeDStream(decoder->zstd);
}

static bool
decode_gzip(Decoder *decoder, DsnSpan *input, DsnHttpBody *output)
{
    z_stream *gzip = &decoder->gzip;
    uInt given = (uInt)MIN(input->len, G_MAXINT);
    uInt room = (uInt)MIN(output->size - output->len, G_MAXINT);

    if (decoder->between && inflateReset(gzip) != Z_OK)
        return false;
    gzip->next_in = (const Bytef *)input->data;
    gzip->avail_in = given;
    gzip->next_out = (Bytef *)output->data + output->len;
    gzip->avail_out = room;

    int result = inflate(gzip, Z_NO_FLUSH);
    decoder->between = result == Z_STREAM_END;
    *input = dsn_span_from(*input, given - gzip->avail_in);
    output->len += room - gzip->avail_out;
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
}

static bool
decode_zstd(Decoder *decoder, DsnSpan *input, DsnHttpBody *output)
{
    ZSTD_inBuffer in = {input->data, input->len, 0};
    ZSTD_outBuffer out = {output->data, output->size, output->len};
    size_t result = ZSTD_decompressStream(decoder->zstd, &out, &in);

    decoder->between = result == 0;
    *input = dsn_span_from(*input, in.pos);
    output->len = out.pos;
    return !ZSTD_isError(result);
}

/* Decodes what room there is for; false when the input is broken. */
static bool
decode_some(Decoder *decoder, DsnSpan *input, DsnHttpBody *output)
{
    return decoder->coding == DSN_HTTP_GZIP ? decode_gzip(decoder, input, output)
                                            : decode_zstd(decoder, input, output);
}

/* Memory for more of @output is taken before it grows, as much as it will grow by. */
static bool
take_room(DsnHttpLease *lease, DsnHttpBody *output, size_t max, int64_t until)
{
    size_t grown = MIN(MAX(2 * output->size, FIRST_SIZE), max + 1);

    return output->len < output->size || dsn_http_lease_take(lease, grown - output->size, until);
}

static DsnHttpBodyResult
decode_all(Decoder *decoder, DsnSpan input, DsnHttpBody *output, size_t max, DsnHttpLease *lease,
           int64_t until)
{
    do {
        if (!take_room(lease, output, max, until))
            return DSN_HTTP_BODY_NO_MEMORY;
        if (!make_room(output, max))
            return DSN_HTTP_BODY_TOO_LARGE;
        if (!decode_some(decoder, &input, output))
            return DSN_HTTP_BODY_BROKEN;
    } while (input.len > 0 || (!decoder->between && output->len == output->size));
    if (output->len > max)
        return DSN_HTTP_BODY_TOO_LARGE;
    return decoder->between ? DSN_HTTP_BODY_GOOD : DSN_HTTP_BODY_BROKEN;
}

DsnHttpBodyResult
dsn_http_body_decode(DsnHttpBody *body, DsnHttpCoding coding, size_t max, int64_t until)
{
    DsnHttpBody output = {.len = 0};
    DsnHttpBodyResult result = DSN_HTTP_BODY_BROKEN;
    Decoder decoder;

    if (coding == DSN_HTTP_IDENTITY)
        return DSN_HTTP_BODY_GOOD;
    if (!dsn_http_lease_take(&body->lease, coding == DSN_HTTP_GZIP ? GZIP_MEMORY : ZSTD_MEMORY,
                             until))
        return DSN_HTTP_BODY_NO_MEMORY;
    if (decoder_init(&decoder, coding))
        result = decode_all(&decoder, (DsnSpan){body->data, body->len}, &output, max, &body->lease,
                            until);
    decoder_clear(&decoder);
    g_free(body->data);
    body->data = output.data;
    body->len = output.len;
    body->size = output.size;
    dsn_http_lease_shrink(&body->lease, body->size);
    return result;
}
