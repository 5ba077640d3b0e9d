/* Inside reports/: one builder for each file that report_render writes. Each appends the whole file to `out`. */
#ifndef ASSAY_REPORTS_REPORT_RENDER_H
#define ASSAY_REPORTS_REPORT_RENDER_H

#include "base/buffer.h"
#include "reports/outline.h"

bool json_build(const struct outline *outline, struct buffer *out, struct error *error);
bool junit_build(const struct outline *outline, struct buffer *out, struct error *error);
bool sarif_build(const struct outline *outline, struct buffer *out, struct error *error);
bool tap_build(const struct outline *outline, struct buffer *out, struct error *error);
bool markdown_build(const struct outline *outline, struct buffer *out, struct error *error);
bool html_build(const struct outline *outline, struct buffer *out, struct error *error);
bool terminal_build(const struct outline *outline, bool colour, bool verbose, struct buffer *out, struct error *error);

#endif
